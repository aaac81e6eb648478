"""Look for leaks between the splits before training: what is certain always, what is likely if asked."""

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


@dataclass(frozen=True)
class Leak:
    """kind: copies, groups, dates, near_copies, feature or split. rows: of `split` that are concerned.

    examples: of those rows, by the names that they have where they come from.
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


def exact_duplicates(splits: Splits) -> list[Leak]:
    """Rows of val and test with the features of a training row; of test with those of a val row where no training row
    has them."""
    keys = {name: row_keys(getattr(splits, name)) for name in ("train", "val", "test")}
    found = []
    taken = np.isin(keys["test"], keys["train"])
    for name, other, skipped in (("val", "train", None), ("test", "train", None), ("test", "val", taken)):
        hit = np.isin(keys[name], keys[other])
        at = np.flatnonzero(hit if skipped is None else hit & ~skipped)
        if len(at):
            found.append(_copied(splits, keys, name, other, at))
    return found


def date_overlap(splits: Splits) -> list[Leak]:
    """Rows of val and test that are no later than the newest training row, by each column of dates."""
    remedy = "to foretell later rows, train on a file of earlier ones and evaluate with data.path= of the later"
    found = []
    for column in splits.origin["train"].columns.difference([GROUP]):
        newest = splits.origin["train"][column].max()
        for name in ("val", "test"):
            date: pd.Series = splits.origin[name][column]
            early = date[date <= newest]
            if len(early):
                what = f"{len(early)} of {len(date)} {name} rows are not later than the newest training row ({column})"
                examples = first_examples(f"row {row}: {early[row]:%Y-%m-%d}" for row in early.index[:4])
                found.append(Leak("dates", name, len(early), what, examples, remedy))
    return found


def group_overlap(splits: Splits) -> list[Leak]:
    """Rows of val and test whose group has training rows too."""
    if GROUP not in splits.origin["train"]:
        return []
    known = splits.origin["train"][GROUP]
    found = []
    for name in ("val", "test"):
        group = splits.origin[name][GROUP]
        shared = group[group.isin(known)]
        if len(shared):
            what = f"{len(shared)} of {len(group)} {name} rows are of {shared.nunique()} groups that training has too"
            examples = first_examples(f"group {one}" for one in shared.unique()[:4])
            found.append(Leak("groups", name, len(shared), what, examples, "data.split=group keeps each on one side"))
    return found


BASIC = (exact_duplicates, group_overlap, date_overlap)


def target_leakage(splits: Splits) -> list[Leak]:
    """Features that tell the target alone: by trees of training rows, on val and by cross-validation."""
    features = list(_features(splits))
    if len(features) < 2:
        return []
    remedy = "is it known before the target is? if not, leave it out (data.ignore of a CSV file)"
    found = []
    for name, train, val in features:
        share = _told(splits, train, val)
        if share >= TOLD:
            what = f"{name} alone tells the target ({share:.1%} of what the baseline gets wrong, on val)"
            found.append(Leak("feature", "val", len(splits.val), what, (), remedy))
    return found[:3]


def near_duplicates(splits: Splits) -> list[Leak]:
    """Rows of val and test much nearer to a training row (of their class) than those rows' density explains.

    In d dimensions the volumes that reach to the nearest and to the k-th neighbour have a ratio v with
    P(v < x) = 1 - (1 - x)^(k - 1), whatever the density: Facco et al., doi:10.1038/s41598-017-11873-y. Equal rows are
    not counted.
    """
    keys = row_keys(splits.train.first(REFERENCE))
    if len(keys) < 20 or len(np.unique(keys)) < (1 - TWINS) * len(keys):
        return []
    shift, scale = _scale(splits)
    train = (splits.train.features.numpy() - shift) / scale
    dimension = _dimension(train[:REFERENCE])
    found = []
    for name in ("val", "test"):
        at = sample_rows(len(getattr(splits, name)))
        rows = (getattr(splits, name).features.numpy()[at] - shift) / scale
        distance, nearest = _neighbours(splits, name, at, rows, train)
        hit = np.flatnonzero(_chance(distance, dimension) * len(RANKS) * len(at) < CHANCE)
        if len(hit):
            own, its = splits.origin[name].index, splits.origin["train"].index
            found.append(
                Leak(
                    "near_copies",
                    name,
                    len(hit),
                    f"{len(hit)} of {len(at)} {name} rows looked at are near copies of a training row",
                    first_examples(f"row {own[at[row]]} of row {its[nearest[row]]}" for row in hit[:4]),
                    _together(splits),
                )
            )
    return found


def split_shift(splits: Splits) -> list[Leak]:
    """Splits that a classifier tells from training, by cross-validation; rows of one group are in one fold."""
    return [leak for name in ("val", "test") for leak in _unlike(splits, name)]


FULL = (*BASIC, near_duplicates, target_leakage, split_shift)


def find_leaks(splits: Splits) -> list[Leak]:
    """By the level that the data set was asked for."""
    checks = {"off": (), "basic": BASIC, "full": FULL}[splits.leak_check]
    return [leak for check in checks for leak in check(splits)]


def format_leaks(splits: Splits) -> dict[str, str]:
    """Lines for the console; a full check that found nothing says so."""
    found = [leak.text for leak in find_leaks(splits)]
    if not found and splits.leak_check == "full":
        found = ["none found: copies, groups, dates, near copies, a feature that tells the target, splits unlike"]
    return {"leak": "\n".join(found)} if found else {}


SHOWN = 3


def first_examples(names: Iterable[object]) -> tuple[str, ...]:
    """The first of the examples, and that there are more."""
    told = tuple(map(str, names))
    return (*told[:SHOWN], "...") if len(told) > SHOWN else told


SAMPLE = 500  # rows of a split that are looked at
REFERENCE = 2000  # training rows by which distances are judged
RANKS = (2, 5, 10, 20, 40)  # neighbours with whose distance the nearest one's is compared
CHANCE = 1e-4  # of one false alarm in a whole split
HIGHEST = 30.0  # dimension: where it is more, distances take few values
TWINS = 0.05  # where more training rows have equals among themselves, values are few: nearness tells nothing


def _together(splits: Splits) -> str:
    if GROUP in splits.origin["train"]:
        return "data.split=group keeps copies on one side, where groups tell them"
    return "keep one of each, or tell by data.group of a CSV file what belongs together, with data.split=group"


def _scale(splits: Splits) -> tuple[np.ndarray, np.ndarray]:
    """Shift and scale of each feature. Pixels are comparable as they are, and so is yes or no."""
    features = splits.train.features.numpy()
    if splits.image_size:
        return np.zeros(1, np.float32), np.ones(1, np.float32)
    spread = features.std(axis=0)
    plain = (spread == 0) | ((features == 0) | (features == 1)).all(axis=0)
    return features.mean(axis=0), np.where(plain, 1, spread).astype(features.dtype)


def _dimension(rows: np.ndarray) -> float:
    """By how the number of rows within a distance grows with it, beyond the size of a few copies."""
    distance = np.sort(euclidean_distances(rows[:200], rows), axis=1)
    near, far = max(1, len(rows) // 40), max(3, len(rows) // 4)
    growth = np.log(distance[:, far] / np.maximum(distance[:, near], 1e-12))
    return min(HIGHEST, float(np.median(np.log(far / near) / np.maximum(growth, 1e-12))))


def _neighbours(
    splits: Splits, name: str, at: np.ndarray, rows: np.ndarray, train: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(n, 40) distances to the nearest training rows of the row's class, equal ones left out; the nearest one's place.

    Where there are fewer, infinity.
    """
    distance = np.full((len(rows), RANKS[-1]), np.inf)
    nearest = np.zeros(len(rows), dtype=int)
    target, known = getattr(splits, name).target.numpy()[at], splits.train.target.numpy()
    of_class = target.ndim == 1
    for label in np.unique(target) if of_class else [None]:
        own = np.flatnonzero(target == label) if of_class else np.arange(len(rows))
        places = np.flatnonzero(known == label) if of_class else np.arange(len(known))
        count = min(RANKS[-1], len(places))
        index = NearestNeighbors(n_neighbors=count, algorithm="brute").fit(train[places])
        found = places[index.kneighbors(rows[own], return_distance=False)]
        pairs = zip(rows[own].astype(np.float64), found, strict=True)
        exact = np.stack([np.linalg.norm(train[near] - row, axis=1) for row, near in pairs])  # theirs is rounded
        exact[exact == 0] = np.inf
        order = np.argsort(exact, axis=1)
        distance[own, :count] = np.take_along_axis(exact, order, axis=1)
        nearest[own] = np.take_along_axis(found, order, axis=1)[:, 0]
    return distance, nearest


def _chance(distance: np.ndarray, dimension: float) -> np.ndarray:
    """(n,) of a nearest neighbour so near, among independent rows."""
    chance = np.ones(len(distance))
    for rank in RANKS:
        other = distance[:, rank - 1]
        good = np.isfinite(other)
        volume = np.minimum((distance[good, 0] / other[good]) ** dimension, 1 - 1e-12)
        chance[good] = np.minimum(chance[good], -np.expm1((rank - 1) * np.log1p(-volume)))
    return chance


def sample_rows(count: int) -> np.ndarray:
    """Places of rows to look at: all, where there are few."""
    return np.random.default_rng(0).permutation(count)[:SAMPLE]


def row_keys(part: Split) -> np.ndarray:
    """(N,) numbers: equal for rows of equal features; for others by a chance of 1 in 2^64 a pair."""
    features = part.features.numpy()
    if features.dtype != np.uint8:
        features = features + 0  # -0 becomes 0
    return np.array([hash(row.tobytes()) for row in features], dtype=np.int64)


def _copied(splits: Splits, keys: dict[str, np.ndarray], name: str, other: str, at: np.ndarray) -> Leak:
    """at: the rows of `name` that `other` holds too."""
    twins: dict[int, list[int]] = {int(key): [] for key in keys[name][at]}
    for place in np.flatnonzero(np.isin(keys[other], keys[name][at])):
        twins[int(keys[other][place])].append(int(place))
    target, others = getattr(splits, name).target.numpy(), getattr(splits, other).target.numpy()
    same = sum(any(np.array_equal(target[row], others[twin]) for twin in twins[int(keys[name][row])]) for row in at)
    own, its = splits.origin[name].index, splits.origin[other].index
    of = "training" if other == "train" else other
    with_target = {len(at): "the same target", 0: "another target"}.get(same, f"the same target in {same} of them")
    return Leak(
        "copies",
        name,
        len(at),
        f"{len(at)} of {len(target)} {name} rows have all features of a {of} row, with {with_target}",
        first_examples(f"row {own[row]} as row {its[twins[int(keys[name][row])][0]]}" for row in at[:4]),
        "if they are copies, keep one of each; rows of few different values may be alike by chance",
    )


GROWN = 2000  # rows of a split, at most, of which a feature's trees grow
TOLD = 0.98  # of what the majority class or the mean gets wrong, by one feature
APART, SURE = 0.75, 5.0  # area under the ROC curve; its distance from 0.5 in standard errors of pure chance
LEAST = 10  # rows of a side, or groups of rows


def _features(splits: Splits) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Name, training values, val values of each column; a column of text as the number of its category."""
    train, val = splits.train.features[:GROWN].numpy(), splits.val.features[:GROWN].numpy()
    names = [column["name"] for column in splits.columns] or list(splits.feature_names)
    widths = [len(column.get("categories", [0])) for column in splits.columns] or [1] * len(names)
    for name, width, start in zip(names, widths, np.cumsum([0, *widths]), strict=False):
        both = [part[:, start : start + width] for part in (train, val)]
        if width > 1:
            both = [np.where(part.any(axis=1), part.argmax(axis=1), -1)[:, None] for part in both]
        if len(np.unique(both[0])) > 1:
            yield name, both[0], both[1]


def _told(splits: Splits, train: np.ndarray, val: np.ndarray) -> float:
    """Of what the majority class or the mean gets wrong: the smaller of the shares on val and within training."""
    target, other = splits.train.target[:GROWN].numpy(), splits.val.target[:GROWN].numpy()
    if target.ndim == 1:
        return _share(DecisionTreeClassifier(min_samples_leaf=3, random_state=0), train, target, val, other)
    tree = DecisionTreeRegressor(random_state=0)
    ranks = [(_ranks(column, column), _ranks(column, truth)) for column, truth in zip(target.T, other.T, strict=True)]
    return max(_share(tree, train, own, val, truth) for own, truth in ranks)


def _ranks(known: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Places among the known values: a tree cannot tell how far beyond them an extreme one lies."""
    places: np.ndarray = np.searchsorted(np.sort(known), values).astype(np.float64)
    return places


def _share(tree: BaseEstimator, train: np.ndarray, target: np.ndarray, val: np.ndarray, other: np.ndarray) -> float:
    score = _right if isinstance(tree, DecisionTreeClassifier) else _explained
    share = score(other, tree.fit(train, target).predict(val))
    if share < TOLD or len(train) < 3:
        return share
    return min(share, score(target, cross_val_predict(tree, train, target, cv=KFold(3))))


def _right(truth: np.ndarray, predicted: np.ndarray) -> float:
    baseline = 1 - np.bincount(truth).max() / len(truth)
    return float(1 - (predicted != truth).mean() / baseline) if baseline else 0.0


def _explained(truth: np.ndarray, predicted: np.ndarray) -> float:
    return float(r2_score(truth, predicted)) if len(np.unique(truth)) > 1 else 0.0


def _unlike(splits: Splits, name: str) -> list[Leak]:
    places = {part: sample_rows(len(getattr(splits, part))) for part in ("train", name)}
    features = np.concatenate([getattr(splits, part).features.numpy()[at] for part, at in places.items()])
    other = np.repeat([0, 1], [len(at) for at in places.values()])
    counts = np.bincount(other)
    error = np.sqrt((counts.sum() + 1) / (12 * counts.prod()))
    if counts.min() < LEAST:
        return []
    trees = ExtraTreesClassifier(50, min_samples_leaf=3, random_state=0)
    folds, groups = StratifiedKFold(3, shuffle=True, random_state=0), None
    if GROUP in splits.origin["train"]:
        sides = [splits.origin[part][GROUP].to_numpy()[at] for part, at in places.items()]
        if min(len(np.unique(side)) for side in sides) < LEAST:
            return []
        groups = np.concatenate(sides)
        folds = StratifiedGroupKFold(3, shuffle=True, random_state=0)
    chance = cross_val_predict(trees, features, other, groups=groups, cv=folds, method="predict_proba")[:, 1]
    area = roc_auc_score(other, chance)
    if area < max(APART, 0.5 + SURE * error):
        return []
    weight = trees.fit(features, other).feature_importances_
    most = f", most by {splits.feature_names[weight.argmax()]}" if weight.max() > 0.2 else ""
    what = f"{name} rows are not like training rows: a classifier tells them apart{most} (AUC {area:.2f}, chance 0.50)"
    remedy = "data.split=random splits anew, data.ignore leaves out a column that numbers the rows"
    return [Leak("split", name, len(getattr(splits, name)), what, (), remedy)]
