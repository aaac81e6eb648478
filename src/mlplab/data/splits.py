"""The contract of data: three splits of whole tensors, and the names that belong to them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

import pandas as pd
from torch import Tensor


@dataclass(frozen=True)
class Part:
    """Rows of one split.

    features: (N, in_features) float, or uint8 for pixels. target: (N,) int64 for classes, (N, K) float for values.
    """

    features: Tensor
    target: Tensor

    def __len__(self) -> int:
        return len(self.features)

    def first(self, count: int) -> "Part":
        return Part(self.features[:count], self.target[:count])


@dataclass(frozen=True)
class Splits:
    """Training rows stand in random order, so that the first of them are a fair sample.

    origin: of each split a table of its rows: the index is what each is called where it comes from; a column
    `data.group` and columns of dates, where there are any. leak_check: off, basic or full.
    """

    train: Part
    val: Part
    test: Part
    feature_names: tuple[str, ...]
    class_names: tuple[str, ...] = ()
    target_names: tuple[str, ...] = ()
    image_size: tuple[int, ...] | None = None
    columns: tuple[dict[str, Any], ...] = ()  # of a table: how each column became features, in plain containers
    origin: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    leak_check: str = "off"

    @property
    def measured(self) -> Part:
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
