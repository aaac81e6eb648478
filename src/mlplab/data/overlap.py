"""What two splits share beyond doubt: equal rows, groups, a stretch of time. Cheap enough for every run."""

import numpy as np
import pandas as pd

from mlplab.data.leak import Leak, some
from mlplab.data.rows import GROUP
from mlplab.data.splits import Part, Splits


def copies(splits: Splits) -> list[Leak]:
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


def row_keys(part: Part) -> np.ndarray:
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
        some(f"row {own[row]} as row {its[twins[int(keys[name][row])][0]]}" for row in at[:4]),
        "if they are copies, keep one of each; rows of few different values may be alike by chance",
    )


def groups(splits: Splits) -> list[Leak]:
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
            examples = some(f"group {one}" for one in shared.unique()[:4])
            found.append(Leak("groups", name, len(shared), what, examples, "data.split=group keeps each on one side"))
    return found


def dates(splits: Splits) -> list[Leak]:
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
                examples = some(f"row {row}: {early[row]:%Y-%m-%d}" for row in early.index[:4])
                found.append(Leak("dates", name, len(early), what, examples, remedy))
    return found
