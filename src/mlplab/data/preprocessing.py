"""Column encoders and class labels, fitted on the training rows. Imports NumPy and pandas, no torch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from mlplab.errors import UserError

# a column in which at most this fraction of the cells is text is a numeric column with typing errors
MAX_TEXT_FRACTION = 0.1


@dataclass(frozen=True)
class NumericColumn:
    """One feature: the number itself, or the median of the training rows where it is missing."""

    name: str
    median: float

    @property
    def feature_names(self) -> tuple[str, ...]:
        return (self.name,)

    def encode(self, values: pd.Series) -> np.ndarray:
        """Returns (N, 1) float64. Raises UserError with column and row (the index) for text and infinity."""
        numbers = pd.to_numeric(values, errors="coerce").astype(float)
        invalid = (numbers.isna() & values.notna()) | np.isinf(numbers)
        if invalid.any():
            row, cell = next(iter(values[invalid].items()))
            raise UserError(f"column {self.name}, row {row}: {cell} where the training rows have finite numbers")
        return numbers.fillna(self.median).to_numpy()[:, None]

    def to_state(self) -> dict[str, Any]:
        return {"name": self.name, "median": self.median}


@dataclass(frozen=True)
class CategoricalColumn:
    """One-hot features, one a category of the training rows; a missing value or another category is all zeros."""

    name: str
    categories: tuple[str, ...]

    @property
    def feature_names(self) -> tuple[str, ...]:
        return tuple(f"{self.name}={category}" for category in self.categories)

    def encode(self, values: pd.Series) -> np.ndarray:
        """Returns (N, categories) float64."""
        texts = values.astype(object).where(values.notna(), None).map(str, na_action="ignore").to_numpy(dtype=object)
        return (texts[:, None] == np.array(self.categories, dtype=object)[None]).astype(np.float64)

    def unseen(self, values: pd.Series) -> list[str]:
        """Returns the categories among `values` that no training row has, sorted."""
        return sorted(set(values.dropna().astype(str)) - set(self.categories))

    def to_state(self) -> dict[str, Any]:
        return {"name": self.name, "categories": list(self.categories)}


Column = NumericColumn | CategoricalColumn


def column_from_state(state: Mapping[str, Any]) -> Column:
    """Builds a column, the inverse of `to_state`. Raises ValueError for a state of another form."""
    if not isinstance(state, dict) or not isinstance(name := state.get("name"), str):
        raise ValueError("a column needs a name")
    categories, median = state.get("categories"), state.get("median")
    if isinstance(categories, list) and all(isinstance(category, str) for category in categories):
        return CategoricalColumn(name, tuple(categories))
    if "categories" not in state and isinstance(median, float):
        return NumericColumn(name, median)
    raise ValueError(f"column {name} needs a median or a list of categories")


def fit_columns(training: pd.DataFrame) -> tuple[Column, ...]:
    """Fits one encoder per column, a numeric one if all cells in the training rows are numbers or missing."""
    return tuple(_fit_column(str(name), training[name]) for name in training.columns)


def encode_columns(columns: Sequence[Column], table: pd.DataFrame) -> np.ndarray:
    """Returns (N, in_features) float64, by column name. Raises UserError for a cell that does not fit its column."""
    return np.concatenate([column.encode(table[column.name]) for column in columns], axis=1)


def _fit_column(name: str, values: pd.Series) -> Column:
    numbers = pd.to_numeric(values, errors="coerce")
    if values.isna().all():
        raise UserError(f"column {name}: every training row is empty; leave it out with data.ignore")
    if (numbers.notna() | values.isna()).all():
        return NumericColumn(name, float(numbers.astype(float).median()))
    text = values[numbers.isna() & values.notna()]
    if len(text) <= MAX_TEXT_FRACTION * values.notna().sum():
        row, cell = next(iter(text.items()))
        remedy = "correct it, empty it if the value is missing, or leave the column out with data.ignore"
        raise UserError(f"column {name}, row {row}: {cell} in a column of numbers; {remedy}")
    return CategoricalColumn(name, tuple(sorted(map(str, values.dropna().unique()))))


def encode_labels(target: Any, names: Sequence[str], rows: Sequence[object]) -> np.ndarray:
    """Returns (N,) int64 positions in `names`.

    target: (N,) class names; class numbers from 0 on only where no name is a number. rows: row names for messages.
    Raises UserError for a class that the run was not trained on.
    """
    labels = np.asarray(target)
    if labels.shape != (len(rows),):
        raise UserError(f"a target of shape {labels.shape}; {(len(rows),)} is needed")
    by_name = {name: place for place, name in enumerate(names)}
    by_value = {} if has_ambiguous_names(names) else {_number(name): place for name, place in by_name.items()}
    if labels.dtype.kind in "ui" and not any(isinstance(_number(name), float) for name in names):
        by_value |= {float(place): place for place in by_name.values()}
    places = [by_name.get(str(value), by_value.get(_number(value), -1)) for value in labels.tolist()]
    if -1 in places:
        at = places.index(-1)
        value = "an empty cell" if pd.isna(labels[at]) else f"class {labels[at]}"
        raise UserError(
            f"row {rows[at]}: {value} in the target, which the run was not trained on; classes: {', '.join(names)}"
        )
    return np.array(places, dtype=np.int64)


def has_ambiguous_names(names: Sequence[str]) -> bool:
    """Returns whether two names are the same number, as `01` and `1` are; then labels are compared as text."""
    return len(set(map(_number, names))) < len(names)


def _number(name: object) -> object:
    """Makes `1`, `1.0` and 1 one class."""
    try:
        return float(str(name))
    except ValueError:
        return str(name)
