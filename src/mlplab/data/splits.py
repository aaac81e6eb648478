"""The contract of data: raw rows, three splits of whole tensors, and one description of their columns."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import blake2b
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from mlplab.data.preprocessing import Column, column_from_state

GROUP = "data.group"  # column of `Splits.origin` that holds the group of each row


class Task(StrEnum):
    """The dataset decides between classes and numbers; `learner=binary_classifier` makes BINARY of two classes."""

    CLASSIFICATION = "classification"
    BINARY = "binary"
    REGRESSION = "regression"

    @property
    def is_regression(self) -> bool:
        return self is Task.REGRESSION


@dataclass(frozen=True)
class DataInfo:
    """Describes the columns of a dataset: the same object serves training, checkpoints, prediction and reports.

    columns: how each column of a table becomes features; empty for arrays and images. image_size: (height, width) or
    (height, width, 3). image_white: value of white in the training images. image_border: lowest and highest mean
    brightness of their borders, 0 to 1, without 1 % at either end. dtype: of numbers, not of uint8 pixels.
    """

    task: Task
    feature_names: tuple[str, ...]
    class_names: tuple[str, ...] = ()
    target_names: tuple[str, ...] = ()
    image_size: tuple[int, ...] | None = None
    columns: tuple[Column, ...] = ()
    image_white: float | None = None
    image_border: tuple[float, float] | None = None
    dtype: torch.dtype = torch.float32

    @property
    def in_features(self) -> int:
        return len(self.feature_names)

    @property
    def feature_groups(self) -> dict[str, list[int]]:
        """Returns the positions of the features of each input column; without a table each feature is a column."""
        if not self.columns:
            return {name: [place] for place, name in enumerate(self.feature_names)}
        groups: dict[str, list[int]] = {}
        start = 0
        for column in self.columns:
            groups[column.name] = list(range(start, start + len(column.feature_names)))
            start += len(column.feature_names)
        return groups

    def to_state(self) -> dict[str, Any]:
        """Returns plain containers for checkpoints; `dtype` follows from the precision of the configuration."""
        state = {name: list(value) if isinstance(value, tuple) else value for name, value in vars(self).items()}
        del state["dtype"]
        columns = [column.to_state() for column in self.columns]
        return {**state, "task": self.task.value, "in_features": self.in_features, "columns": columns}

    @classmethod
    def from_state(cls, state: Mapping[str, Any], dtype: torch.dtype = torch.float32) -> "DataInfo":
        """Checkpoints of older versions lack image_white and image_border."""
        size, border = state["image_size"], state.get("image_border")
        return cls(
            task=Task(state["task"]),
            feature_names=tuple(state["feature_names"]),
            class_names=tuple(state["class_names"]),
            target_names=tuple(state["target_names"]),
            image_size=tuple(size) if size else None,
            columns=tuple(map(column_from_state, state["columns"])),
            image_white=state.get("image_white"),
            image_border=(border[0], border[1]) if border else None,
            dtype=dtype,
        )


@dataclass(frozen=True)
class Split:
    """Rows of one split.

    features: (N, in_features) float, or uint8 for pixels. target: (N,) int64 for classes, (N, K) float for regression.
    """

    features: Tensor
    target: Tensor

    def __len__(self) -> int:
        return len(self.features)

    def first(self, count: int) -> "Split":
        return Split(self.features[:count], self.target[:count])


@dataclass(frozen=True)
class Splits:
    """Training rows are shuffled, so that the first of them are a random sample.

    origin: a table for each split; its index names each row by its line, number or file, its columns are GROUP and
    the columns of dates, where there are any. leak_check: off, basic or full.
    """

    train: Split
    val: Split
    test: Split
    info: DataInfo
    origin: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    leak_check: str = "off"

    @property
    def parts(self) -> dict[str, Split]:
        return {"train": self.train, "val": self.val, "test": self.test}

    @property
    def measured(self) -> Split:
        """Returns the fixed slice of the training rows on which every curve and score of `train` is computed, no larger
        than val."""
        return self.train.first(len(self.val))

    @property
    def in_features(self) -> int:
        return self.info.in_features

    @property
    def class_names(self) -> tuple[str, ...]:
        return self.info.class_names

    def digest(self) -> str:
        """Returns a hash of all rows: a run that resumes, or is evaluated again, must have the rows of its training."""
        digest = blake2b(digest_size=16)
        for part in self.parts.values():
            for values in (part.features, part.target):
                digest.update(values.contiguous().numpy().data)
        return digest.hexdigest()


@dataclass(frozen=True)
class RawData:
    """N rows before the split.

    features: (N, in_features) numbers, or a table of N rows whose columns become features after the split.
    target: (N,) labels of any sortable type for classes, (N, K) numbers for regression.
    official: (N,) of "train", "val", "test" where the dataset has its own split. groups: (N,) group ids.
    class_names: names of labels, where the label is not the name.
    names: (N,) names of rows, where a row is not named by its number. dates: (N, columns), where there are any.
    """

    features: np.ndarray | pd.DataFrame
    target: np.ndarray
    feature_names: tuple[str, ...] = ()
    target_names: tuple[str, ...] = ()
    official: np.ndarray | None = None
    groups: np.ndarray | None = None
    class_names: dict[int, str] | None = None
    image_size: tuple[int, ...] | None = None
    names: np.ndarray | None = None
    dates: pd.DataFrame | None = None

    @property
    def task(self) -> Task:
        return Task.CLASSIFICATION if self.target.ndim == 1 else Task.REGRESSION

    def class_name(self, label: Any) -> str:
        return (self.class_names or {}).get(label, str(label))

    def origin(self) -> pd.DataFrame:
        """Returns the table of `Splits.origin`. Rows are named by `names`, a table's index, or numbers from 1 on, as
        `test:1` in an official test set."""
        names = self._row_names()
        table = pd.DataFrame(index=names) if self.dates is None else self.dates.set_axis(names)
        return table if self.groups is None else table.assign(**{GROUP: self.groups})

    def _row_names(self) -> pd.Index:
        if self.names is not None:
            return pd.Index(self.names)
        if isinstance(self.features, pd.DataFrame):
            return self.features.index
        if self.official is None:
            return pd.RangeIndex(1, len(self.target) + 1)
        number = pd.Series(self.official).groupby(self.official).cumcount() + 1
        return pd.Index([f"{split}:{place}" for split, place in zip(self.official, number, strict=True)])
