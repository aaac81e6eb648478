"""Assigns rows to train, val and test: official, random, by group, or in folds."""

from typing import Literal

import numpy as np
import pandas as pd
from sklearn.model_selection import GroupKFold, KFold, StratifiedGroupKFold, StratifiedKFold, train_test_split

from mlplab.data.splits import RawData
from mlplab.errors import UserError

SplitKind = Literal["official", "random", "group"]
Indices = np.ndarray
GROUP_FOLDS = 20  # folds that are joined to a split where one fold has not the size that is asked for


def split_indices(
    rows: RawData,
    split: SplitKind,
    val_fraction: float,
    test_fraction: float,
    seed: int,
    folds: int | None = None,
    fold: int = 0,
) -> dict[str, Indices]:
    """Returns the rows of train, val and test. Fractions are of all rows; with an official test set, of the others.

    folds: cuts the rows outside the test set into so many parts; part `fold` is val, in place of a fraction.
    """
    if split == "official":
        if rows.official is None:
            raise UserError("data.split=official: this dataset has no official split; use random or group")
        groups, val_seed = rows.groups, seed
        rest, test = np.flatnonzero(rows.official != "test"), np.flatnonzero(rows.official == "test")
        val_size = round(val_fraction * len(rest))
    else:
        if folds is None and val_fraction + test_fraction >= 1:
            raise UserError(
                f"data.val_fraction={val_fraction} and data.test_fraction={test_fraction} leave no training rows: "
                "their sum must be below 1"
            )
        if split == "group" and rows.groups is None:
            raise UserError("data.split=group: this dataset has no groups; use random")
        groups, val_seed = rows.groups if split == "group" else None, (seed + 1) % 2**32
        count = len(rows.target)
        rest, test = _divide(rows, np.arange(count), round(test_fraction * count), "test", seed, groups)
        val_size = round(val_fraction * count)
    if folds is not None:
        train, val = fold_indices(rows, rest, folds, fold, val_seed, groups)
    elif split == "official" and np.any(rows.official == "val"):
        train, val = (np.flatnonzero(rows.official == name) for name in ("train", "val"))
    else:
        train, val = _divide(rows, rest, val_size, "val", val_seed, groups)
    return {"train": np.random.default_rng(seed).permutation(train), "val": val, "test": test}


def fold_indices(
    rows: RawData, index: Indices, folds: int, fold: int, seed: int, groups: np.ndarray | None = None
) -> tuple[Indices, Indices]:
    """Returns the training rows and the validation rows of `index`: part `fold` of `folds` validates.

    The parts are shuffled and stratified, and contain whole groups, if any are given. They depend on the seed alone, so
    that each row validates in exactly one fold.
    """
    if not 0 <= fold < folds:
        raise UserError(f"data.fold={fold}: data.folds={folds} are numbered from 0 to {folds - 1}")
    index = np.random.default_rng(seed).permutation(index)
    labels = None if rows.task.is_regression else np.unique(rows.target[index], return_inverse=True)[1]
    groups = None if groups is None else groups[index]
    _check_folds(rows, index, groups, folds)
    train, val = cut_folds(len(index), folds, seed, labels, groups)[fold]
    return index[train], index[val]


def cut_folds(
    count: int, folds: int, seed: int, labels: np.ndarray | None, groups: np.ndarray | None
) -> list[tuple[Indices, Indices]]:
    """Returns the positions of the training rows and of the other rows of each fold, shuffled.

    labels: keep their fractions in each fold. groups: stay whole.
    """
    if groups is None:
        kind = KFold if labels is None else StratifiedKFold
    else:
        kind = GroupKFold if labels is None else StratifiedGroupKFold
    return list(kind(folds, shuffle=True, random_state=seed).split(np.zeros(count), labels, groups))


def subsample(rows: RawData, index: Indices, size: int, seed: int) -> Indices:
    """Draws `size` rows of `index`; each class keeps its fraction, within one row."""
    if size > len(index):
        raise UserError(f"data.num_train={size}: there are only {len(index)} training rows")
    order = np.random.default_rng(seed).permutation(index)
    if rows.task.is_regression:
        return order[:size]
    labels, label, counts = np.unique(rows.target[order], return_inverse=True, return_counts=True)
    if size < len(labels):
        raise UserError(f"data.num_train={size}: fewer rows than the {len(labels)} classes")
    exact = size * counts / len(order)
    quota = np.floor(exact).astype(int)
    quota[np.argsort(quota - exact, kind="stable")[: size - quota.sum()]] += 1  # the largest remainders
    rank = pd.Series(label).groupby(label).cumcount().to_numpy()  # of each row within its class
    return order[rank < quota[label]]


def _divide(
    rows: RawData, index: Indices, size: int, name: str, seed: int, groups: np.ndarray | None
) -> tuple[Indices, Indices]:
    """Splits `index` in two: the remaining rows, and about `size` rows for the split called `name`."""
    if not 0 < size < len(index):
        raise UserError(f"the {name} split would have {size} of {len(index)} rows: change data.{name}_fraction")
    labels = None if rows.task.is_regression else rows.target[index]
    if labels is not None:
        _check_classes(rows, index, size, name)
    if groups is None:
        rest, part = train_test_split(index, test_size=size, random_state=seed, stratify=labels)
        return rest, part
    part = _whole_groups(groups[index], labels, size, seed)
    if not 0 < len(part) < len(index):
        raise UserError(
            f"the rows cannot be split by group, too few for {name}: change data.{name}_fraction or data.split"
        )
    return np.delete(index, part), index[part]


def _whole_groups(groups: np.ndarray, labels: np.ndarray | None, size: int, seed: int) -> Indices:
    """Returns positions of whole groups with about `size` rows: one fold if its size is close enough, else several
    small ones."""
    count = len(groups)
    whole = max(2, round(count / size))
    folds = whole if abs(count / whole - size) <= 0.02 * count else GROUP_FOLDS
    rarest = count if labels is None else np.unique(labels, return_counts=True)[1].min()
    folds = min(folds, len(np.unique(groups)), int(rarest))
    if folds < 2:
        return np.array([], dtype=int)
    taken: list[int] = []
    for _, part in cut_folds(count, folds, seed, labels, groups):
        if taken and abs(len(taken) + len(part) - size) >= abs(len(taken) - size):
            break
        taken.extend(part)
    return np.array(taken)


def _check_classes(rows: RawData, index: Indices, size: int, name: str) -> None:
    classes, rarest, count = _rarest_class(rows, index)
    if count < 2:
        raise UserError(f"class {rarest} has one row only: it needs one on each side of a split")
    if (fewer := min(size, len(index) - size)) < classes:
        few = f"{fewer} rows are fewer than the {classes} classes"
        raise UserError(f"{few} ({name} split): change data.{name}_fraction")


def _check_folds(rows: RawData, index: Indices, groups: np.ndarray | None, folds: int) -> None:
    beside = "beside the test rows"
    if groups is not None and (count := len(np.unique(groups))) < folds:
        raise UserError(f"data.folds={folds}: there are only {count} groups {beside}")
    if len(index) < folds:
        raise UserError(f"data.folds={folds}: there are only {len(index)} rows {beside}")
    if rows.task.is_regression:
        return
    _, rarest, count = _rarest_class(rows, index)
    if count < folds:
        raise UserError(f"data.folds={folds}: class {rarest} has {count} rows {beside}, and each fold needs one")


def _rarest_class(rows: RawData, index: Indices) -> tuple[int, str, int]:
    """Returns the number of classes, and name and number of rows of the rarest. Raises UserError for one class."""
    classes, counts = np.unique(rows.target[index], return_counts=True)
    if len(classes) < 2:
        raise UserError(f"the target has one class only ({rows.class_name(classes[0])}): two or more are needed")
    return len(classes), rows.class_name(classes[counts.argmin()]), int(counts.min())
