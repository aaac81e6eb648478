"""Checks for leaks between the splits before training: certain ones by default, likely ones with leak_check=full.

basic
  copies       equal features, compared by a hash of each row
  groups       rows of one group in training and in val or test
  dates        rows of val or test that are not later than the newest training row
full, in addition
  near_copies  distances to the nearest and to the k-th training row of the class, whose ratio has a known distribution
               whatever the density: Facco et al., 2017, doi:10.1038/s41598-017-11873-y
  feature      a decision tree on one feature, scored on val and by cross-validation within the training rows; of a
               regression target the ranks
  split        extremely randomised trees (Geurts et al., 2006, doi:10.1007/s10994-006-6226-1) that classify rows as
               training or not, cross-validated: a classifier two-sample test (Lopez-Paz and Oquab, 2017,
               arXiv:1610.06545)
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.metrics import euclidean_distances, r2_score, roc_auc_score
from sklearn.model_selection import KFold, StratifiedGroupKFold, StratifiedKFold, cross_val_predict
from sklearn.neighbors import NearestNeighbors
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from mlplab.data.splits import GROUP, Split, Splits

Level = Literal["basic", "full", "off"]

MAX_EXAMPLES = 3  # rows that a message names
# near copies and shifted splits
SAMPLE_ROWS = 500  # of a split
REFERENCE_ROWS = 2000  # training rows from which the dimension is estimated
MIN_REFERENCE_ROWS = 20
NEIGHBOURS = (2, 5, 10, 20, 40)  # the k-th neighbours whose distance the nearest one's is compared with
FALSE_ALARM = 1e-4  # probability in a whole split
MAX_DIMENSION = 30.0  # above, distances take few values
MAX_DUPLICATE_FRACTION = 0.05  # of the training rows; above, features have few values and rows are equal by chance
# a feature that predicts the target
FEATURE_ROWS = 2000  # of a split, at most
MIN_FEATURE_SCORE = 0.98  # fraction of the baseline's errors corrected, or R² of the ranks
MAX_FEATURES = 3  # that are reported
# shifted splits
MIN_AUC, MIN_STANDARD_ERRORS = 0.75, 5.0  # area under the ROC curve, and its distance from 0.5
MIN_ROWS = 10  # rows on each side, or groups of rows
MIN_IMPORTANCE = 0.2  # of the feature that is named


@dataclass(frozen=True)
class Leak:
    """kind: copies, groups, dates, near_copies, feature or split. rows: number of rows of `split` concerned.

    examples: some of these rows, by line, number or file.
    """

    kind: str
    split: str
    rows: int
    what: str
    examples: tuple[str, ...]
    remedy: str

    @property
    def text(self) -> str:
        shown = f" ({', '.join(self.examples)})" if self.examples else ""
        return f"{self.what}{shown}; {self.remedy}"


def find_leaks(splits: Splits) -> list[Leak]:
    """Runs the checks of `splits.leak_check`."""
    checks = {"off": (), "basic": BASIC, "full": FULL}[splits.leak_check]
    return [leak for check in checks for leak in check(splits)]


def format_leaks(splits: Splits) -> dict[str, str]:
    """Lines for the console; a full check that finds nothing says so."""
    lines = [leak.text for leak in find_leaks(splits)]
    if not lines and splits.leak_check == "full":
        lines = ["none found: copies, groups, dates, near copies, a feature that predicts the target, shifted splits"]
    return {"leak": "\n".join(lines)} if lines else {}


def first_examples(names: Iterable[object]) -> tuple[str, ...]:
    """The first names, and an ellipsis if there are more."""
    texts = tuple(map(str, names))
    return (*texts[:MAX_EXAMPLES], "...") if len(texts) > MAX_EXAMPLES else texts


def exact_duplicates(splits: Splits) -> list[Leak]:
    """Rows of val and test with the features of a training row, and rows of test with those of a val row only."""
    keys = {name: row_keys(getattr(splits, name)) for name in ("train", "val", "test")}
    in_train = np.isin(keys["test"], keys["train"])
    leaks = []
    for name, other, skipped in (("val", "train", None), ("test", "train", None), ("test", "val", in_train)):
        copied = np.isin(keys[name], keys[other])
        at = np.flatnonzero(copied if skipped is None else copied & ~skipped)
        if len(at):
            leaks.append(_duplicate_leak(splits, keys, name, other, at))
    return leaks


def row_keys(part: Split) -> np.ndarray:
    """(N,) hashes: equal for rows of equal features; two other rows collide with a probability of 2^-64."""
    features = part.features.numpy()
    if features.dtype != np.uint8:
        features = features + 0  # -0 becomes 0
    return np.array([hash(row.tobytes()) for row in features], dtype=np.int64)


def _duplicate_leak(splits: Splits, keys: dict[str, np.ndarray], name: str, other: str, at: np.ndarray) -> Leak:
    """at: the rows of `name` that are also in `other`."""
    twins: dict[int, list[int]] = {int(key): [] for key in keys[name][at]}
    for place in np.flatnonzero(np.isin(keys[other], keys[name][at])):
        twins[int(keys[other][place])].append(int(place))
    target, others = getattr(splits, name).target.numpy(), getattr(splits, other).target.numpy()
    same = sum(any(np.array_equal(target[row], others[twin]) for twin in twins[int(keys[name][row])]) for row in at)
    with_target = {len(at): "the same target", 0: "another target"}.get(same, f"the same target in {same} of them")
    source = "training" if other == "train" else other
    rows, other_rows = splits.origin[name].index, splits.origin[other].index
    return Leak(
        "copies",
        name,
        len(at),
        f"{len(at)} of {len(target)} {name} rows have all features of a {source} row, with {with_target}",
        first_examples(f"row {rows[row]} as row {other_rows[twins[int(keys[name][row])][0]]}" for row in at[:4]),
        "if they are copies, keep one of each; rows of few different values may be alike by chance",
    )


def group_overlap(splits: Splits) -> list[Leak]:
    """Rows of val and test whose group has training rows too."""
    if GROUP not in splits.origin["train"]:
        return []
    leaks = []
    for name in ("val", "test"):
        group = splits.origin[name][GROUP]
        shared = group[group.isin(splits.origin["train"][GROUP])]
        if len(shared):
            what = f"{len(shared)} of {len(group)} {name} rows are of {shared.nunique()} groups that training has too"
            examples = first_examples(f"group {value}" for value in shared.unique()[:4])
            leaks.append(Leak("groups", name, len(shared), what, examples, "data.split=group keeps each in one split"))
    return leaks


def date_overlap(splits: Splits) -> list[Leak]:
    """Rows of val and test that are not later than the newest training row, for each column of dates."""
    remedy = "to predict later rows, train on a file of earlier ones and evaluate with data.path= of the later"
    leaks = []
    for column in splits.origin["train"].columns.difference([GROUP]):
        newest = splits.origin["train"][column].max()
        for name in ("val", "test"):
            date: pd.Series = splits.origin[name][column]
            early = date[date <= newest]
            if len(early):
                what = f"{len(early)} of {len(date)} {name} rows are not later than the newest training row ({column})"
                examples = first_examples(f"row {row}: {early[row]:%Y-%m-%d}" for row in early.index[:4])
                leaks.append(Leak("dates", name, len(early), what, examples, remedy))
    return leaks


def near_duplicates(splits: Splits) -> list[Leak]:
    """Rows of val and test much nearer to a training row of their class than the density there explains.

    In d dimensions the volumes that reach to the nearest and to the k-th neighbour have a ratio v with
    P(v < x) = 1 - (1 - x)^(k - 1), whatever the density (Facco et al., see above). Equal rows are not counted.
    """
    keys = row_keys(splits.train.first(REFERENCE_ROWS))
    if len(keys) < MIN_REFERENCE_ROWS or len(np.unique(keys)) < (1 - MAX_DUPLICATE_FRACTION) * len(keys):
        return []
    shift, scale = _scale(splits)
    train = (splits.train.features.numpy() - shift) / scale
    dimension = _dimension(train[:REFERENCE_ROWS])
    leaks = []
    for name in ("val", "test"):
        at = sample_rows(len(getattr(splits, name)))
        rows = (getattr(splits, name).features.numpy()[at] - shift) / scale
        distance, nearest = _neighbours(splits, name, at, rows, train)
        near = np.flatnonzero(_chance(distance, dimension) * len(NEIGHBOURS) * len(at) < FALSE_ALARM)
        if len(near):
            names, train_names = splits.origin[name].index, splits.origin["train"].index
            what = f"{len(near)} of {len(at)} {name} rows, a sample, are near copies of a training row"
            examples = first_examples(f"row {names[at[row]]} of row {train_names[nearest[row]]}" for row in near[:4])
            leaks.append(Leak("near_copies", name, len(near), what, examples, _near_copies_remedy(splits)))
    return leaks


def sample_rows(count: int) -> np.ndarray:
    """Positions of a random sample of rows; all of them, where there are few."""
    return np.random.default_rng(0).permutation(count)[:SAMPLE_ROWS]


def _near_copies_remedy(splits: Splits) -> str:
    if GROUP in splits.origin["train"]:
        return "data.split=group keeps copies in one split, if the groups contain them"
    return "keep one of each, or name their group in a column of a CSV file (data.group) and use data.split=group"


def _scale(splits: Splits) -> tuple[np.ndarray, np.ndarray]:
    """Shift and scale of each feature. Pixels and binary features are comparable as they are."""
    features = splits.train.features.numpy()
    if splits.info.image_size:
        return np.zeros(1, np.float32), np.ones(1, np.float32)
    spread = features.std(axis=0)
    unscaled = (spread == 0) | ((features == 0) | (features == 1)).all(axis=0)
    return features.mean(axis=0), np.where(unscaled, 1, spread).astype(features.dtype)


def _dimension(rows: np.ndarray) -> float:
    """Estimates how the number of rows within a distance grows with it, on scales larger than a few copies."""
    distance = np.sort(euclidean_distances(rows[:200], rows), axis=1)
    near, far = max(1, len(rows) // 40), max(3, len(rows) // 4)
    growth = np.log(distance[:, far] / np.maximum(distance[:, near], 1e-12))
    return min(MAX_DIMENSION, float(np.median(np.log(far / near) / np.maximum(growth, 1e-12))))


def _neighbours(
    splits: Splits, name: str, at: np.ndarray, rows: np.ndarray, train: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(n, 40) distances to the nearest training rows of the row's class, without equal rows, infinite where there are
    fewer; and (n,) the position of the nearest."""
    distance = np.full((len(rows), NEIGHBOURS[-1]), np.inf)
    nearest = np.zeros(len(rows), dtype=int)
    target, train_target = getattr(splits, name).target.numpy()[at], splits.train.target.numpy()
    regression = splits.info.task.is_regression
    for label in [None] if regression else np.unique(target):
        of_label = np.arange(len(rows)) if regression else np.flatnonzero(target == label)
        places = np.arange(len(train_target)) if regression else np.flatnonzero(train_target == label)
        count = min(NEIGHBOURS[-1], len(places))
        index = NearestNeighbors(n_neighbors=count, algorithm="brute").fit(train[places])
        found = places[index.kneighbors(rows[of_label], return_distance=False)]
        pairs = zip(rows[of_label].astype(np.float64), found, strict=True)
        exact = np.stack([np.linalg.norm(train[near] - row, axis=1) for row, near in pairs])  # sklearn's are rounded
        exact[exact == 0] = np.inf
        order = np.argsort(exact, axis=1)
        distance[of_label, :count] = np.take_along_axis(exact, order, axis=1)
        nearest[of_label] = np.take_along_axis(found, order, axis=1)[:, 0]
    return distance, nearest


def _chance(distance: np.ndarray, dimension: float) -> np.ndarray:
    """(n,) probability of a nearest neighbour as near among independent rows."""
    chance = np.ones(len(distance))
    for rank in NEIGHBOURS:
        other = distance[:, rank - 1]
        valid = np.isfinite(other)
        volume = np.minimum((distance[valid, 0] / other[valid]) ** dimension, 1 - 1e-12)
        chance[valid] = np.minimum(chance[valid], -np.expm1((rank - 1) * np.log1p(-volume)))
    return chance


def target_leakage(splits: Splits) -> list[Leak]:
    """Single features that predict the target almost without error, on val and within the training rows."""
    features = list(_features(splits))
    if len(features) < 2:
        return []
    remedy = "is it known before the target is? if not, leave it out (data.ignore of a CSV file)"
    leaks = []
    for name, train, val in features:
        score = _feature_score(splits, train, val)
        if score >= MIN_FEATURE_SCORE:
            what = f"{name} alone predicts the target (it corrects {score:.1%} of the baseline's errors on val)"
            leaks.append(Leak("feature", "val", len(splits.val), what, (), remedy))
    return leaks[:MAX_FEATURES]


def _features(splits: Splits) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Name, training values and val values of each input column; categories as numbers, -1 for none."""
    train, val = (part.features[:FEATURE_ROWS].numpy() for part in (splits.train, splits.val))
    for name, places in splits.info.feature_groups.items():
        values = [part[:, places] for part in (train, val)]
        if len(places) > 1:
            values = [np.where(part.any(axis=1), part.argmax(axis=1), -1)[:, None] for part in values]
        if len(np.unique(values[0])) > 1:
            yield name, values[0], values[1]


def _feature_score(splits: Splits, train: np.ndarray, val: np.ndarray) -> float:
    """The best score of a target; 1 is perfect, 0 is the baseline."""
    target, val_target = (part.target[:FEATURE_ROWS].numpy() for part in (splits.train, splits.val))
    if not splits.info.task.is_regression:
        tree = DecisionTreeClassifier(min_samples_leaf=3, random_state=0)
        return _tree_score(tree, train, target, val, val_target)
    tree = DecisionTreeRegressor(random_state=0)
    ranks = [(_ranks(one, one), _ranks(one, other)) for one, other in zip(target.T, val_target.T, strict=True)]
    return max(_tree_score(tree, train, own, val, other) for own, other in ranks)


def _ranks(known: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Ranks among the known values: a tree cannot extrapolate to extreme ones."""
    places: np.ndarray = np.searchsorted(np.sort(known), values).astype(np.float64)
    return places


def _tree_score(
    tree: BaseEstimator, train: np.ndarray, target: np.ndarray, val: np.ndarray, val_target: np.ndarray
) -> float:
    """The lower of the scores on val and by cross-validation within the training rows."""
    score = _errors_corrected if isinstance(tree, DecisionTreeClassifier) else _r2
    on_val = score(val_target, tree.fit(train, target).predict(val))
    if on_val < MIN_FEATURE_SCORE or len(train) < 3:
        return on_val
    return min(on_val, score(target, cross_val_predict(tree, train, target, cv=KFold(3))))


def _errors_corrected(truth: np.ndarray, predicted: np.ndarray) -> float:
    baseline = 1 - np.bincount(truth).max() / len(truth)
    return float(1 - (predicted != truth).mean() / baseline) if baseline else 0.0


def _r2(truth: np.ndarray, predicted: np.ndarray) -> float:
    return float(r2_score(truth, predicted)) if len(np.unique(truth)) > 1 else 0.0


def split_shift(splits: Splits) -> list[Leak]:
    """Splits whose rows a classifier distinguishes from training rows; rows of one group are in one fold."""
    return [leak for name in ("val", "test") for leak in _shift(splits, name)]


def _shift(splits: Splits, name: str) -> list[Leak]:
    places = {part: sample_rows(len(getattr(splits, part))) for part in ("train", name)}
    features = np.concatenate([getattr(splits, part).features.numpy()[at] for part, at in places.items()])
    side = np.repeat([0, 1], [len(at) for at in places.values()])
    counts = np.bincount(side)
    error = np.sqrt((counts.sum() + 1) / (12 * counts.prod()))  # standard error of an AUC of 0.5
    if counts.min() < MIN_ROWS:
        return []
    folds, groups = StratifiedKFold(3, shuffle=True, random_state=0), None
    if GROUP in splits.origin["train"]:
        sides = [splits.origin[part][GROUP].to_numpy()[at] for part, at in places.items()]
        if min(len(np.unique(one)) for one in sides) < MIN_ROWS:
            return []
        groups = np.concatenate(sides)
        folds = StratifiedGroupKFold(3, shuffle=True, random_state=0)
    trees = ExtraTreesClassifier(50, min_samples_leaf=3, random_state=0)
    probability = cross_val_predict(trees, features, side, groups=groups, cv=folds, method="predict_proba")[:, 1]
    area = roc_auc_score(side, probability)
    if area < max(MIN_AUC, 0.5 + MIN_STANDARD_ERRORS * error):
        return []
    weight = trees.fit(features, side).feature_importances_
    most = f", mostly by {splits.info.feature_names[weight.argmax()]}" if weight.max() > MIN_IMPORTANCE else ""
    score = f"AUC {area:.2f}, chance 0.50"
    what = f"{name} rows differ from training rows: a classifier distinguishes them{most} ({score})"
    remedy = "data.split=random splits anew, data.ignore leaves out a column that numbers the rows"
    return [Leak("split", name, len(getattr(splits, name)), what, (), remedy)]


BASIC = (exact_duplicates, group_overlap, date_overlap)
FULL = (*BASIC, near_duplicates, target_leakage, split_shift)
