"""The target of other data, by what the training rows called it."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch

from mlplab.data.numbers import fits
from mlplab.errors import Mistake


def places(target: Any, names: Sequence[str], rows: Sequence[object]) -> np.ndarray:
    """(N,) int64: where the class of each row stands in `names`. target: (N,) names, or class numbers from 0 on where
    no name is itself a number.

    rows: what messages call each row. Raises Mistake for a class that the run was not trained on.
    """
    given = np.asarray(target)
    if given.shape != (len(rows),):
        raise Mistake(f"a target of shape {given.shape}; {(len(rows),)} is needed")
    known = {name: place for place, name in enumerate(names)}
    alike = {} if ambiguous(names) else {_number(name): place for name, place in known.items()}
    if given.dtype.kind in "ui" and not any(isinstance(_number(name), float) for name in names):
        alike |= {float(place): place for place in known.values()}
    found = [known.get(str(value), alike.get(_number(value), -1)) for value in given.tolist()]
    if -1 in found:
        at = found.index(-1)
        value = "an empty cell" if pd.isna(given[at]) else f"class {given[at]}"
        raise Mistake(
            f"row {rows[at]}: {value} in the target, which the run was not trained on; classes: {', '.join(names)}"
        )
    return np.array(found, dtype=np.int64)


def ambiguous(names: Sequence[str]) -> bool:
    """Whether names are the same number, as `01` and `1` are; then they are taken letter by letter."""
    return len(set(map(_number, names))) < len(names)


def values(target: Any, names: Sequence[str], rows: Sequence[object], dtype: torch.dtype) -> np.ndarray:
    """(N, K), a column a name. Raises Mistake, with column and row, for what is no finite number in `dtype`."""
    given = np.asarray(target)
    forms = [(len(rows), len(names)), *([(len(rows),)] if len(names) == 1 else [])]
    if given.shape not in forms:
        raise Mistake(f"a target of shape {given.shape}; {' or '.join(map(str, forms))} is needed")
    columns = given.reshape(forms[0])
    if columns.dtype.kind not in "buif":
        columns = pd.DataFrame(columns).apply(pd.to_numeric, errors="coerce").to_numpy(dtype=np.float64)
    if (at := next(iter(np.argwhere(~fits(columns, dtype))), None)) is not None:
        cell = given.reshape(forms[0])[tuple(at)]
        raise Mistake(
            f"column {names[at[1]]}, row {rows[at[0]]}: {cell} in the target, where a finite number is needed"
        )
    return columns


def _number(name: object) -> object:
    """By which `1`, `1.0` and 1 are one class."""
    try:
        return float(str(name))
    except ValueError:
        return str(name)
