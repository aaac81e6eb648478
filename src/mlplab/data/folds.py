"""Cross-validation: rows cut into folds, of which one validates while the others train."""

import numpy as np
from sklearn.model_selection import GroupKFold, KFold, StratifiedGroupKFold, StratifiedKFold

from mlplab.data.rows import Rows
from mlplab.errors import Mistake

Index = np.ndarray


def parted(rows: Rows, index: Index, folds: int, fold: int, seed: int, grouped: bool) -> tuple[Index, Index]:
    """The rows of `index` that train, and those of part `fold` of `folds`, which validate. The parts are shuffled and
    stratified, and hold whole groups where `grouped`; they follow from the seed, so that each row is in one of them."""
    if not 0 <= fold < folds:
        raise Mistake(f"data.fold={fold}: data.folds={folds} are numbered from 0 to {folds - 1}")
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


def two_or_more(rows: Rows, classes: np.ndarray) -> None:
    if len(classes) < 2:
        raise Mistake(f"the target has one class only ({rows.name_of(classes[0])}): two or more are needed")


def _enough(rows: Rows, index: Index, groups: np.ndarray | None, folds: int) -> None:
    beside = "beside the test rows"
    if groups is not None and (count := len(np.unique(groups))) < folds:
        raise Mistake(f"data.folds={folds}: there are only {count} groups {beside}")
    if len(index) < folds:
        raise Mistake(f"data.folds={folds}: there are only {len(index)} rows {beside}")
    if rows.is_classes:
        classes, counts = np.unique(rows.target[index], return_counts=True)
        two_or_more(rows, classes)
        if counts.min() < folds:
            rarest = f"class {rows.name_of(classes[counts.argmin()])} has {counts.min()} rows {beside}"
            raise Mistake(f"data.folds={folds}: {rarest}, and each fold needs one")
