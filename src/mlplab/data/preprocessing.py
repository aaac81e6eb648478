"""Columns of a table become features, by what the training rows say: median for gaps, one-hot for text."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch

from mlplab.errors import UserError

# a column with no more text than this share of its cells is a column of numbers with slips in it
MOSTLY_NUMBERS = 0.1


class ColumnEncoder:
    """`state` is plain containers: one entry a column, with its median or its categories."""

    def __init__(self, state: Sequence[dict[str, Any]]) -> None:
        self.state = list(state)

    @classmethod
    def learn(cls, training: pd.DataFrame) -> "ColumnEncoder":
        """A column is of numbers if the training rows hold nothing else."""
        return cls([_column(str(name), training[name]) for name in training.columns])

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(name for column in self.state for name in _names(column))

    def features(self, table: pd.DataFrame) -> np.ndarray:
        """(N, in_features) float64. A category unseen in training is all zeros.

        Raises Mistake with column and row (the table's index) for text or infinity where training has numbers.
        """
        return np.concatenate([_features(column, table[column["name"]]) for column in self.state], axis=1)


def _column(name: str, values: pd.Series) -> dict[str, Any]:
    numbers = pd.to_numeric(values, errors="coerce")
    if values.isna().all():
        raise UserError(f"column {name}: every training row is empty; leave it out with data.ignore")
    if (numbers.notna() | values.isna()).all():
        return {"name": name, "median": float(numbers.astype(float).median())}
    text = values[numbers.isna() & values.notna()]
    if len(text) <= MOSTLY_NUMBERS * values.notna().sum():
        row, cell = next(iter(text.items()))
        remedy = "correct it, empty it where it means a gap, or leave the column out with data.ignore"
        raise UserError(f"column {name}, row {row}: {cell} in a column of numbers; {remedy}")
    return {"name": name, "categories": sorted(map(str, values.dropna().unique()))}


def _names(column: dict[str, Any]) -> list[str]:
    if "median" in column:
        return [column["name"]]
    return [f"{column['name']}={category}" for category in column["categories"]]


def _features(column: dict[str, Any], values: pd.Series) -> np.ndarray:
    if "median" in column:
        numbers = pd.to_numeric(values, errors="coerce").astype(float)
        wrong = (numbers.isna() & values.notna()) | np.isinf(numbers)
        if wrong.any():
            row, cell = next(iter(values[wrong].items()))
            raise UserError(f"column {column['name']}, row {row}: {cell} where the training rows have finite numbers")
        return numbers.fillna(column["median"]).to_numpy()[:, None]
    words = values.astype(object).where(values.notna(), None).map(str, na_action="ignore").to_numpy(dtype=object)
    return (words[:, None] == np.array(column["categories"], dtype=object)[None]).astype(np.float64)


def encode_labels(target: Any, names: Sequence[str], rows: Sequence[object]) -> np.ndarray:
    """(N,) int64: where the class of each row stands in `names`. target: (N,) names, or class numbers from 0 on where
    no name is itself a number.

    rows: what messages call each row. Raises Mistake for a class that the run was not trained on.
    """
    given = np.asarray(target)
    if given.shape != (len(rows),):
        raise UserError(f"a target of shape {given.shape}; {(len(rows),)} is needed")
    known = {name: place for place, name in enumerate(names)}
    alike = {} if has_ambiguous_names(names) else {_number(name): place for name, place in known.items()}
    if given.dtype.kind in "ui" and not any(isinstance(_number(name), float) for name in names):
        alike |= {float(place): place for place in known.values()}
    found = [known.get(str(value), alike.get(_number(value), -1)) for value in given.tolist()]
    if -1 in found:
        at = found.index(-1)
        value = "an empty cell" if pd.isna(given[at]) else f"class {given[at]}"
        raise UserError(
            f"row {rows[at]}: {value} in the target, which the run was not trained on; classes: {', '.join(names)}"
        )
    return np.array(found, dtype=np.int64)


def has_ambiguous_names(names: Sequence[str]) -> bool:
    """Whether names are the same number, as `01` and `1` are; then they are taken letter by letter."""
    return len(set(map(_number, names))) < len(names)


def numeric_columns(target: Any, names: Sequence[str], rows: Sequence[object], dtype: torch.dtype) -> np.ndarray:
    """(N, K), a column a name. Raises Mistake, with column and row, for what is no finite number in `dtype`."""
    given = np.asarray(target)
    forms = [(len(rows), len(names)), *([(len(rows),)] if len(names) == 1 else [])]
    if given.shape not in forms:
        raise UserError(f"a target of shape {given.shape}; {' or '.join(map(str, forms))} is needed")
    columns = given.reshape(forms[0])
    if columns.dtype.kind not in "buif":
        columns = pd.DataFrame(columns).apply(pd.to_numeric, errors="coerce").to_numpy(dtype=np.float64)
    if (at := next(iter(np.argwhere(~is_representable(columns, dtype))), None)) is not None:
        cell = given.reshape(forms[0])[tuple(at)]
        raise UserError(
            f"column {names[at[1]]}, row {rows[at[0]]}: {cell} in the target, where a finite number is needed"
        )
    return columns


def _number(name: object) -> object:
    """By which `1`, `1.0` and 1 are one class."""
    try:
        return float(str(name))
    except ValueError:
        return str(name)


LOST = 0.1  # of a column's spread, by rounding


def dtype_for_precision(precision: str) -> torch.dtype:
    """Of features, values and weights, by `trainer.precision`."""
    return torch.float64 if precision == "64-true" else torch.float32


def is_representable(values: np.ndarray, dtype: torch.dtype) -> np.ndarray:
    """Where there is a number that is finite in `dtype`; false for NaN."""
    good: np.ndarray = np.abs(values) <= np.float64(torch.finfo(dtype).max)
    return good


def check_numbers(values: np.ndarray, dtype: torch.dtype, where: str, names: Sequence[str]) -> None:
    """values: (N,) or (N, K), with a name a column. Raises Mistake for what is not finite in `dtype`."""
    if not np.issubdtype(values.dtype, np.floating):
        return
    columns = values.reshape(len(values), -1)
    beyond = ~is_representable(columns, dtype)
    if beyond.any():
        row, column = np.argwhere(beyond)[0]
        value = columns[row, column]
        kind = str(dtype).removeprefix("torch.")
        if np.isfinite(value):
            raise UserError(f"{names[column]} is {value:g} in the {where}, too large for {kind}: choose a larger unit")
        raise UserError(f"{names[column]} is {value:g} in the {where}: finite numbers are needed")


def check_precision(features: np.ndarray, dtype: torch.dtype, names: Sequence[str]) -> None:
    """features: (N, K) of training. Raises Mistake for a column whose spread is lost in the rounding to float32."""
    if dtype != torch.float32 or features.dtype != np.float64:
        return
    spread = features.std(axis=0)
    rounding = np.spacing(np.abs(features).max(axis=0).astype(np.float32)).astype(np.float64) / 2
    lost = (rounding > LOST * spread) & (spread > 1e-12 * np.abs(features).max(axis=0))
    if lost.any():
        column = int(lost.argmax())
        about = f"{features[:, column].mean():g}, with a spread of {spread[column]:g}"
        remedy = "subtract a constant from it, or trainer.precision=64-true"
        raise UserError(f"feature {names[column]} lies about {about}, which float32 cannot tell apart: {remedy}")


def check_target(target: np.ndarray, names: Sequence[str]) -> None:
    """target: (N, K) of all rows. Raises Mistake for a column of one value: r2 has no meaning there."""
    constant = (target == target[0]).all(axis=0)
    if constant.any():
        column = int(constant.argmax())
        raise UserError(f"target {names[column]} is {target[0, column]:g} in every row: there is nothing to learn")
