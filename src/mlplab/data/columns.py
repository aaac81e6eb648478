"""Columns of a table become features, by what the training rows say: median for gaps, one-hot for text."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from mlplab.errors import Mistake

# a column with no more text than this share of its cells is a column of numbers with slips in it
MOSTLY_NUMBERS = 0.1


class Columns:
    """`state` is plain containers: one entry a column, with its median or its categories."""

    def __init__(self, state: Sequence[dict[str, Any]]) -> None:
        self.state = list(state)

    @classmethod
    def learn(cls, training: pd.DataFrame) -> "Columns":
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
        raise Mistake(f"column {name}: every training row is empty; leave it out with data.ignore")
    if (numbers.notna() | values.isna()).all():
        return {"name": name, "median": float(numbers.astype(float).median())}
    text = values[numbers.isna() & values.notna()]
    if len(text) <= MOSTLY_NUMBERS * values.notna().sum():
        row, cell = next(iter(text.items()))
        remedy = "correct it, empty it where it means a gap, or leave the column out with data.ignore"
        raise Mistake(f"column {name}, row {row}: {cell} in a column of numbers; {remedy}")
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
            raise Mistake(f"column {column['name']}, row {row}: {cell} where the training rows have finite numbers")
        return numbers.fillna(column["median"]).to_numpy()[:, None]
    words = values.astype(object).where(values.notna(), None).map(str, na_action="ignore").to_numpy(dtype=object)
    return (words[:, None] == np.array(column["categories"], dtype=object)[None]).astype(np.float64)
