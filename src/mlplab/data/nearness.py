"""Near copies across splits: rows nearer to a training row than the density of the rows about them explains."""

import numpy as np
from sklearn.metrics import euclidean_distances
from sklearn.neighbors import NearestNeighbors

from mlplab.data.leak import Leak, some
from mlplab.data.overlap import row_keys
from mlplab.data.rows import GROUP
from mlplab.data.splits import Splits

SAMPLE = 500  # rows of a split that are looked at
REFERENCE = 2000  # training rows by which distances are judged
RANKS = (2, 5, 10, 20, 40)  # neighbours with whose distance the nearest one's is compared
CHANCE = 1e-4  # of one false alarm in a whole split
HIGHEST = 30.0  # dimension: where it is more, distances take few values
TWINS = 0.05  # where more training rows have equals among themselves, values are few: nearness tells nothing


def near_copies(splits: Splits) -> list[Leak]:
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
        at = sample(len(getattr(splits, name)))
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
                    some(f"row {own[at[row]]} of row {its[nearest[row]]}" for row in hit[:4]),
                    _together(splits),
                )
            )
    return found


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


def sample(count: int) -> np.ndarray:
    """Places of rows to look at: all, where there are few."""
    return np.random.default_rng(0).permutation(count)[:SAMPLE]
