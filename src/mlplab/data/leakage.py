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

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice, product
from typing import Literal

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.metrics import euclidean_distances, r2_score, roc_auc_score
from sklearn.model_selection import KFold, cross_val_predict
from sklearn.neighbors import NearestNeighbors
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from mlplab.data.splits import GROUP, Split, Splits
from mlplab.data.splitting import cut_folds

Level = Literal["basic", "full", "off"]
HELD_OUT = ("val", "test")

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
    """Returns lines for the console; a full check that finds nothing says so."""
    lines = [leak.text for leak in find_leaks(splits)]
    if not lines and splits.leak_check == "full":
        lines = ["none found: copies, groups, dates, near copies, a feature that predicts the target, shifted splits"]
    return {"leak": "\n".join(lines)} if lines else {}


def first_examples(names: Iterable[object]) -> tuple[str, ...]:
    """Returns the first names, and an ellipsis if there are more."""
    texts = tuple(map(str, islice(names, MAX_EXAMPLES + 1)))
    return (*texts[:MAX_EXAMPLES], "...") if len(texts) > MAX_EXAMPLES else texts


def exact_duplicates(splits: Splits) -> Iterator[Leak]:
    """Finds rows of val and test with the features of a training row, and rows of test with those of a val row only."""
    keys = {name: row_keys(part) for name, part in splits.parts.items()}
    new = ~np.isin(keys["test"], keys["train"])
    for name, other, checked in (("val", "train", True), ("test", "train", True), ("test", "val", new)):
        at = np.flatnonzero(np.isin(keys[name], keys[other]) & checked).tolist()
        if not at:
            continue
        place = pd.Series(np.flatnonzero(np.isin(keys[other], keys[name][at])))
        by_key = place.groupby(keys[other][place]).agg(list)
        twins: dict[int, list[int]] = dict(zip(at, by_key[keys[name][at]], strict=True))
        target, others = (splits.parts[part].target.numpy() for part in (name, other))
        same = sum(any(np.array_equal(target[row], others[twin]) for twin in twins[row]) for row in at)
        with_target = {len(at): "the same target", 0: "another target"}.get(same, f"the same target in {same} of them")
        source = "training" if other == "train" else other
        what = f"{len(at)} of {len(target)} {name} rows have all features of a {source} row, with {with_target}"
        rows, other_rows = splits.origin[name].index, splits.origin[other].index
        examples = first_examples(f"row {rows[row]} as row {other_rows[twins[row][0]]}" for row in at)
        remedy = "if they are copies, keep one of each; rows of few different values may be alike by chance"
        yield Leak("copies", name, len(at), what, examples, remedy)


def row_keys(part: Split) -> np.ndarray:
    """Returns (N,) hashes: equal for rows of equal features; two other rows collide with a probability of 2^-64."""
    features = part.features.numpy()
    if features.dtype != np.uint8:
        features = features + 0  # -0 becomes 0
    return np.array([hash(row.tobytes()) for row in features], dtype=np.int64)


def group_overlap(splits: Splits) -> Iterator[Leak]:
    """Finds rows of val and test whose group has training rows too."""
    train = splits.origin["train"]
    for name in HELD_OUT if GROUP in train else ():
        group = splits.origin[name][GROUP]
        shared = group[group.isin(train[GROUP])]
        if len(shared):
            what = f"{len(shared)} of {len(group)} {name} rows are of {shared.nunique()} groups that training has too"
            examples = first_examples(f"group {value}" for value in shared.unique())
            yield Leak("groups", name, len(shared), what, examples, "data.split=group keeps each in one split")


def date_overlap(splits: Splits) -> Iterator[Leak]:
    """Finds rows of val and test that are not later than the newest training row, for each column of dates."""
    train = splits.origin["train"]
    remedy = "to predict later rows, train on a file of earlier ones and evaluate with data.path= of the later"
    for column, name in product(train.columns.difference([GROUP]), HELD_OUT):
        date: pd.Series = splits.origin[name][column]
        early = date[date <= train[column].max()]
        if len(early):
            what = f"{len(early)} of {len(date)} {name} rows are not later than the newest training row ({column})"
            examples = first_examples(f"row {row}: {early[row]:%Y-%m-%d}" for row in early.index)
            yield Leak("dates", name, len(early), what, examples, remedy)


def near_duplicates(splits: Splits) -> Iterator[Leak]:
    """Finds rows of val and test much nearer to a training row of their class than the density there explains.

    In d dimensions the volumes that reach to the nearest and to the k-th neighbour have a ratio v with
    P(v < x) = 1 - (1 - x)^(k - 1), whatever the density (Facco et al., see above). Equal rows are not counted.
    """
    keys = row_keys(splits.train.first(REFERENCE_ROWS))
    if len(keys) < MIN_REFERENCE_ROWS or len(np.unique(keys)) < (1 - MAX_DUPLICATE_FRACTION) * len(keys):
        return
    shift, scale = _scale(splits)
    train = (splits.train.features.numpy() - shift) / scale
    dimension = _dimension(train[:REFERENCE_ROWS])
    if GROUP in splits.origin["train"]:
        remedy = "data.split=group keeps copies in one split, if the groups contain them"
    else:
        remedy = "keep one of each, or name their group in a column of a CSV file (data.group) and use data.split=group"
    for name in HELD_OUT:
        part = splits.parts[name]
        at = sample_rows(len(part))
        target = None if splits.info.task.is_regression else part.target.numpy()[at]
        rows = (part.features.numpy()[at] - shift) / scale
        distance, nearest = _neighbours(rows, target, train, splits.train.target.numpy())
        near = np.flatnonzero(_chance(distance, dimension) * len(NEIGHBOURS) * len(at) < FALSE_ALARM)
        if len(near):
            names, train_names = splits.origin[name].index, splits.origin["train"].index
            what = f"{len(near)} of {len(at)} {name} rows, a sample, are near copies of a training row"
            examples = first_examples(f"row {names[at[row]]} of row {train_names[nearest[row]]}" for row in near)
            yield Leak("near_copies", name, len(near), what, examples, remedy)


def sample_rows(count: int) -> np.ndarray:
    """Returns the positions of a random sample of rows; all of them, where there are few."""
    return np.random.default_rng(0).permutation(count)[:SAMPLE_ROWS]


def _scale(splits: Splits) -> tuple[np.ndarray, np.ndarray]:
    """Returns shift and scale of each feature. Pixels and binary features are comparable as they are."""
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
    rows: np.ndarray, target: np.ndarray | None, train: np.ndarray, train_target: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Returns (n, 40) distances to the nearest training rows of the row's class, without equal rows, infinite where
    there are fewer; and (n,) the position of the nearest. target: classes; None for regression."""
    distance = np.full((len(rows), NEIGHBOURS[-1]), np.inf)
    nearest = np.zeros(len(rows), dtype=int)
    if target is None:
        target, train_target = np.zeros(len(rows)), np.zeros(len(train))
    for label in np.unique(target):
        of_label, places = np.flatnonzero(target == label), np.flatnonzero(train_target == label)
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
    """Returns the (n,) probability of a nearest neighbour as near among independent rows."""
    chance = np.ones(len(distance))
    for rank in NEIGHBOURS:
        other = distance[:, rank - 1]
        valid = np.isfinite(other)
        volume = np.minimum((distance[valid, 0] / other[valid]) ** dimension, 1 - 1e-12)
        chance[valid] = np.minimum(chance[valid], -np.expm1((rank - 1) * np.log1p(-volume)))
    return chance


def target_leakage(splits: Splits) -> Iterator[Leak]:
    """Finds single features that predict the target almost without error, on val and within the training rows."""
    features = list(_features(splits))
    if len(features) < 2:
        return
    remedy = "is it known before the target is? if not, leave it out (data.ignore of a CSV file)"
    scores = {name: _feature_score(splits, train, val) for name, train, val in features}
    found = [(name, score) for name, score in scores.items() if score >= MIN_FEATURE_SCORE]
    for name, score in found[:MAX_FEATURES]:
        what = f"{name} alone predicts the target (it corrects {score:.1%} of the baseline's errors on val)"
        yield Leak("feature", "val", len(splits.val), what, (), remedy)


def _features(splits: Splits) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Yields name, training values and val values of each input column; categories as numbers, -1 for none."""
    train, val = (part.features[:FEATURE_ROWS].numpy() for part in (splits.train, splits.val))
    for name, places in splits.info.feature_groups.items():
        values = [part[:, places] for part in (train, val)]
        if len(places) > 1:
            values = [np.where(part.any(axis=1), part.argmax(axis=1), -1)[:, None] for part in values]
        if len(np.unique(values[0])) > 1:
            yield name, values[0], values[1]


def _feature_score(splits: Splits, train: np.ndarray, val: np.ndarray) -> float:
    """Returns the best score of a target; 1 is perfect, 0 is the baseline."""
    target, val_target = (part.target[:FEATURE_ROWS].numpy() for part in (splits.train, splits.val))
    if not splits.info.task.is_regression:
        tree = DecisionTreeClassifier(min_samples_leaf=3, random_state=0)
        return _tree_score(tree, _errors_corrected, train, target, val, val_target)
    scores = []
    for known, truth in zip(target.T, val_target.T, strict=True):
        # ranks among the known values: a tree cannot extrapolate to extreme ones
        ranks, val_ranks = (np.searchsorted(np.sort(known), values).astype(np.float64) for values in (known, truth))
        scores.append(_tree_score(DecisionTreeRegressor(random_state=0), _r2, train, ranks, val, val_ranks))
    return max(scores)


def _tree_score(
    tree: BaseEstimator,
    score: Callable[[np.ndarray, np.ndarray], float],
    train: np.ndarray,
    target: np.ndarray,
    val: np.ndarray,
    val_target: np.ndarray,
) -> float:
    """Returns the lower of the scores on val and by cross-validation within the training rows."""
    on_val = score(val_target, tree.fit(train, target).predict(val))
    if on_val < MIN_FEATURE_SCORE or len(train) < 3:
        return on_val
    return min(on_val, score(target, cross_val_predict(tree, train, target, cv=KFold(3))))


def _errors_corrected(truth: np.ndarray, predicted: np.ndarray) -> float:
    baseline = 1 - np.bincount(truth).max() / len(truth)
    return float(1 - (predicted != truth).mean() / baseline) if baseline else 0.0


def _r2(truth: np.ndarray, predicted: np.ndarray) -> float:
    return float(r2_score(truth, predicted)) if len(np.unique(truth)) > 1 else 0.0


def split_shift(splits: Splits) -> Iterator[Leak]:
    """Finds splits whose rows a classifier distinguishes from training rows; rows of one group are in one fold."""
    for name in HELD_OUT:
        at = {part: sample_rows(len(splits.parts[part])) for part in ("train", name)}
        origin = {part: splits.origin[part].iloc[places] for part, places in at.items()}
        units = (
            origin.values() if GROUP not in origin["train"] else [table[GROUP].unique() for table in origin.values()]
        )
        if min(map(len, units)) < MIN_ROWS:
            continue
        features = np.concatenate([splits.parts[part].features.numpy()[places] for part, places in at.items()])
        side = np.repeat([0, 1], [len(places) for places in at.values()])
        groups = pd.concat(origin.values())[GROUP].to_numpy() if GROUP in origin["train"] else None
        trees = ExtraTreesClassifier(50, min_samples_leaf=3, random_state=0)
        folds = cut_folds(len(side), 3, 0, side, groups)
        area = roc_auc_score(side, cross_val_predict(trees, features, side, cv=folds, method="predict_proba")[:, 1])
        counts = np.bincount(side)
        error = np.sqrt((counts.sum() + 1) / (12 * counts.prod()))  # standard error of an AUC of 0.5
        if area < max(MIN_AUC, 0.5 + MIN_STANDARD_ERRORS * error):
            continue
        weight = trees.fit(features, side).feature_importances_
        most = f", mostly by {splits.info.feature_names[weight.argmax()]}" if weight.max() > MIN_IMPORTANCE else ""
        score = f"AUC {area:.2f}, chance 0.50"
        what = f"{name} rows differ from training rows: a classifier distinguishes them{most} ({score})"
        remedy = "data.split=random splits anew, data.ignore leaves out a column that numbers the rows"
        yield Leak("split", name, len(splits.parts[name]), what, (), remedy)


BASIC = (exact_duplicates, group_overlap, date_overlap)
FULL = (*BASIC, near_duplicates, target_leakage, split_shift)
