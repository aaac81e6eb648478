"""A dataset as it was read, before any split."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Rows:
    """N rows.

    features: (N, in_features) numbers, or a table of N rows whose columns become features after the split.
    target: (N,) labels of any sortable type for classes, (N, K) numbers for values.
    official: (N,) of "train", "val", "test" where the dataset has its own split. groups: (N,) of group ids.
    class_names: name of a label, where it is not the label itself.
    """

    features: np.ndarray | pd.DataFrame
    target: np.ndarray
    feature_names: tuple[str, ...] = ()
    target_names: tuple[str, ...] = ()
    official: np.ndarray | None = None
    groups: np.ndarray | None = None
    class_names: dict[int, str] | None = None
    image_size: tuple[int, ...] | None = None

    @property
    def is_classes(self) -> bool:
        return self.target.ndim == 1

    def name_of(self, label: Any) -> str:
        return (self.class_names or {}).get(label, str(label))
