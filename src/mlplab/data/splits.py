"""The contract of data: three splits of whole tensors, and the names that belong to them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

import numpy as np
import pandas as pd
from torch import Tensor


@dataclass(frozen=True)
class Split:
    """Rows of one split.

    features: (N, in_features) float, or uint8 for pixels. target: (N,) int64 for classes, (N, K) float for values.
    """

    features: Tensor
    target: Tensor

    def __len__(self) -> int:
        return len(self.features)

    def first(self, count: int) -> "Split":
        return Split(self.features[:count], self.target[:count])


@dataclass(frozen=True)
class Splits:
    """Training rows stand in random order, so that the first of them are a fair sample.

    origin: of each split a table of its rows: the index is what each is called where it comes from; a column
    `data.group` and columns of dates, where there are any. leak_check: off, basic or full.
    """

    train: Split
    val: Split
    test: Split
    feature_names: tuple[str, ...]
    class_names: tuple[str, ...] = ()
    target_names: tuple[str, ...] = ()
    image_size: tuple[int, ...] | None = None
    columns: tuple[dict[str, Any], ...] = ()  # of a table: how each column became features, in plain containers
    origin: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    leak_check: str = "off"

    @property
    def measured(self) -> Split:
        """The slice of the training rows that stands for `train` in every curve and score: no larger than val."""
        return self.train.first(len(self.val))

    @property
    def in_features(self) -> int:
        return self.train.features.shape[1]

    def digest(self) -> str:
        """Tells whether a run that goes on, or is evaluated again, has the rows that it had."""
        held = blake2b(digest_size=16)
        for part in (self.train, self.val, self.test):
            for values in (part.features, part.target):
                held.update(values.contiguous().numpy().data)
        return held.hexdigest()


GROUP = "data.group"  # of the table that tells where rows come from


@dataclass(frozen=True)
class RawData:
    """N rows.

    features: (N, in_features) numbers, or a table of N rows whose columns become features after the split.
    target: (N,) labels of any sortable type for classes, (N, K) numbers for values.
    official: (N,) of "train", "val", "test" where the dataset has its own split. groups: (N,) of group ids.
    class_names: name of a label, where it is not the label itself.
    names: (N,) of what each row is called, where that is not its number. dates: (N, columns), where there are any.
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
    def is_classes(self) -> bool:
        return self.target.ndim == 1

    def name_of(self, label: Any) -> str:
        return (self.class_names or {}).get(label, str(label))

    def origin(self) -> pd.DataFrame:
        """The index is what each row is called: by `names`, a table's index, or numbers from 1 on, `test:1` in the
        test file; the columns are GROUP and dates."""
        table = pd.DataFrame(index=self._called()) if self.dates is None else self.dates.set_axis(self._called())
        return table if self.groups is None else table.assign(**{GROUP: self.groups})

    def _called(self) -> pd.Index:
        if self.names is not None:
            return pd.Index(self.names)
        if isinstance(self.features, pd.DataFrame):
            return self.features.index
        if self.official is None:
            return pd.RangeIndex(1, len(self.target) + 1)
        number = pd.Series(self.official).groupby(self.official).cumcount() + 1
        return pd.Index([f"{part}:{place}" for part, place in zip(self.official, number, strict=True)])
