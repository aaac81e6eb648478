"""Which rows go to which split."""

from typing import Literal

import numpy as np
from sklearn.model_selection import GroupKFold, KFold, StratifiedGroupKFold, StratifiedKFold, train_test_split

from mlplab.data.splits import RawData
from mlplab.errors import UserError

SplitKind = Literal["official", "random", "group"]
Indices = np.ndarray


def split_indices(
    rows: RawData,
    split: SplitKind,
    val_fraction: float,
    test_fraction: float,
    seed: int,
    folds: int | None = None,
    fold: int = 0,
) -> dict[str, Indices]:
    """Row numbers of train, val and test. Fractions are of all rows; with an official test set, of the others.

    folds: of the rows that are not test rows part `fold` of so many is val, in place of a fraction.
    """
    count = len(rows.target)
    if split == "official":
        if rows.official is None:
            raise UserError("data.split=official: this dataset has no official split; use random or group")
        index = {name: np.flatnonzero(rows.official == name) for name in ("train", "val", "test")}
        grouped = rows.groups is not None
        if folds is not None:
            rest = np.flatnonzero(rows.official != "test")
            index["train"], index["val"] = fold_indices(rows, rest, folds, fold, seed, grouped)
        elif not len(index["val"]):
            size = round(val_fraction * len(index["train"]))
            index["train"], index["val"] = _divide(rows, index["train"], size, "val", seed, grouped)
    else:
        if folds is None and val_fraction + test_fraction >= 1:
            raise UserError(
                f"data.val_fraction={val_fraction} and data.test_fraction={test_fraction} leave no training rows: "
                "together they must stay below 1"
            )
        grouped = split == "group"
        if grouped and rows.groups is None:
            raise UserError("data.split=group: this dataset has no groups; use random")
        rest, test = _divide(rows, np.arange(count), round(test_fraction * count), "test", seed, grouped)
        later = (seed + 1) % 2**32
        if folds is None:
            train, val = _divide(rows, rest, round(val_fraction * count), "val", later, grouped)
        else:
            train, val = fold_indices(rows, rest, folds, fold, later, grouped)
        index = {"train": train, "val": val, "test": test}
    index["train"] = np.random.default_rng(seed).permutation(index["train"])
    return index


def subsample(rows: RawData, index: Indices, size: int, seed: int) -> Indices:
    """`size` of the rows of `index`; each class keeps its share, within one row."""
    if size > len(index):
        raise UserError(f"data.num_train={size}: there are only {len(index)} training rows")
    order = np.random.default_rng(seed).permutation(index)
    if not rows.is_classes:
        return order[:size]
    labels, counts = np.unique(rows.target[order], return_counts=True)
    if size < len(labels):
        raise UserError(f"data.num_train={size}: fewer rows than the {len(labels)} classes")
    exact = size * counts / len(order)
    quota = np.floor(exact).astype(int)
    quota[np.argsort(quota - exact, kind="stable")[: size - quota.sum()]] += 1  # the largest remainders
    rank = np.empty(len(order), dtype=int)  # of each row among those of its class
    for label in labels:
        of_label = rows.target[order] == label
        rank[of_label] = np.arange(of_label.sum())
    return order[rank < quota[np.searchsorted(labels, rows.target[order])]]


def _divide(rows: RawData, index: Indices, size: int, name: str, seed: int, grouped: bool) -> tuple[Indices, Indices]:
    """The other rows of `index`, and about `size` of them for the split called `name`."""
    if not 0 < size < len(index):
        raise UserError(f"the {name} split would hold {size} of {len(index)} rows: change data.{name}_fraction")
    labels = rows.target[index] if rows.is_classes else None
    if labels is not None:
        _enough_of_each(rows, labels, size, len(index) - size, name)
    if not grouped:
        rest, part = train_test_split(index, test_size=size, random_state=seed, stratify=labels)
        return rest, part
    assert rows.groups is not None
    part = _groups(rows.groups[index], labels, size, seed)
    if not 0 < len(part) < len(index):
        raise UserError(
            f"the rows cannot be split by group, too few for {name}: change data.{name}_fraction or data.split"
        )
    return np.delete(index, part), index[part]


def _groups(groups: np.ndarray, labels: np.ndarray | None, size: int, seed: int) -> Indices:
    """Places of whole groups of about `size` rows: one fold where one of that size exists, else several small ones."""
    count = len(groups)
    whole = max(2, round(count / size))
    folds = whole if abs(count / whole - size) <= 0.02 * count else 20
    least = count if labels is None else np.unique(labels, return_counts=True)[1].min()
    folds = min(folds, len(np.unique(groups)), int(least))
    if folds < 2:
        return np.array([], dtype=int)
    divider = (GroupKFold if labels is None else StratifiedGroupKFold)(folds, shuffle=True, random_state=seed)
    taken: list[int] = []
    for _, part in divider.split(groups, labels, groups):
        if taken and abs(len(taken) + len(part) - size) >= abs(len(taken) - size):
            break
        taken.extend(part)
    return np.array(taken)


def _enough_of_each(rows: RawData, labels: np.ndarray, size: int, others: int, name: str) -> None:
    classes, counts = np.unique(labels, return_counts=True)
    two_or_more(rows, classes)
    if min(counts) < 2:
        rarest = rows.name_of(classes[counts.argmin()])
        raise UserError(f"class {rarest} has one row only: it needs one on each side of a split")
    if min(size, others) < len(classes):
        few = f"{min(size, others)} rows are fewer than the {len(classes)} classes"
        raise UserError(f"{few} ({name} split): change data.{name}_fraction")


def fold_indices(
    rows: RawData, index: Indices, folds: int, fold: int, seed: int, grouped: bool
) -> tuple[Indices, Indices]:
    """The rows of `index` that train, and those of part `fold` of `folds`, which validate. The parts are shuffled and
    stratified, and hold whole groups where `grouped`; they follow from the seed, so that each row is in one of them."""
    if not 0 <= fold < folds:
        raise UserError(f"data.fold={fold}: data.folds={folds} are numbered from 0 to {folds - 1}")
    index = np.random.default_rng(seed).permutation(index)
    labels = np.unique(rows.target[index], return_inverse=True)[1] if rows.is_classes else None
    groups = rows.groups[index] if grouped and rows.groups is not None else None
    _enough(rows, index, groups, folds)
    if groups is None:
        divider = (KFold if labels is None else StratifiedKFold)(folds, shuffle=True, random_state=seed)
    else:
        divider = (GroupKFold if labels is None else StratifiedGroupKFold)(folds, shuffle=True, random_state=seed)
    train, val = list(divider.split(index, labels, groups))[fold]
    return index[train], index[val]


def two_or_more(rows: RawData, classes: np.ndarray) -> None:
    if len(classes) < 2:
        raise UserError(f"the target has one class only ({rows.name_of(classes[0])}): two or more are needed")


def _enough(rows: RawData, index: Indices, groups: np.ndarray | None, folds: int) -> None:
    beside = "beside the test rows"
    if groups is not None and (count := len(np.unique(groups))) < folds:
        raise UserError(f"data.folds={folds}: there are only {count} groups {beside}")
    if len(index) < folds:
        raise UserError(f"data.folds={folds}: there are only {len(index)} rows {beside}")
    if rows.is_classes:
        classes, counts = np.unique(rows.target[index], return_counts=True)
        two_or_more(rows, classes)
        if counts.min() < folds:
            rarest = f"class {rows.name_of(classes[counts.argmin()])} has {counts.min()} rows {beside}"
            raise UserError(f"data.folds={folds}: {rarest}, and each fold needs one")
