"""Columns of a table become features, by what the training rows say: median for gaps, one-hot for text."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from mlplab.mistake import Mistake


class Columns:
    """`state` is plain containers: one entry a column, with its median or its categories."""

    def __init__(self, state: Sequence[dict[str, Any]]) -> None:
        self.state = list(state)

    @classmethod
    def learn(cls, training: pd.DataFrame) -> "Columns":
        return cls([_column(str(name), training[name]) for name in training.columns])

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(name for column in self.state for name in _names(column))

    def features(self, table: pd.DataFrame) -> np.ndarray:
        """(N, in_features) float64. A category unseen in training is all zeros."""
        return np.concatenate([_features(column, table[column["name"]]) for column in self.state], axis=1)


def _column(name: str, values: pd.Series) -> dict[str, Any]:
    if pd.api.types.is_numeric_dtype(values):
        if values.isna().all():
            raise Mistake(f"column {name}: no number in the training rows")
        return {"name": name, "median": float(values.median())}
    return {"name": name, "categories": sorted(values.dropna().unique().tolist())}


def _names(column: dict[str, Any]) -> list[str]:
    if "median" in column:
        return [column["name"]]
    return [f"{column['name']}={category}" for category in column["categories"]]


def _features(column: dict[str, Any], values: pd.Series) -> np.ndarray:
    if "median" in column:
        return values.fillna(column["median"]).to_numpy(dtype=np.float64)[:, None]
    return (values.to_numpy()[:, None] == np.array(column["categories"], dtype=object)[None]).astype(np.float64)
