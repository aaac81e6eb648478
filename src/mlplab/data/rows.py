"""A dataset as it was read, before any split."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

GROUP = "data.group"  # of the table that tells where rows come from


@dataclass(frozen=True)
class Rows:
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
