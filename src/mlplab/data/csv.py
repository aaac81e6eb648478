"""The user's own table: numbers as they are, text as one-hot, gaps by the training median."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from mlplab.data.dataset import Dataset
from mlplab.data.rows import Rows
from mlplab.mistake import Mistake


@dataclass(kw_only=True)
class CSV(Dataset):
    """target: a column, or a list of columns for values; every other column is a feature, but `group` and `ignore`."""

    path: str
    target: str | list[str]
    task: Literal["classes", "values"]
    separator: str = ","
    group: str | None = None
    ignore: list[str] | None = None

    def read(self) -> Rows:
        table = self._table()
        targets = [self.target] if isinstance(self.target, str) else list(self.target)
        aside = [*targets, *([self.group] if self.group else []), *(self.ignore or [])]
        for name in aside:
            if name not in table.columns:
                raise Mistake(f"{self.path}: no column {name}; columns: {', '.join(map(str, table.columns))}")
        features = table.drop(columns=aside)
        if features.empty:
            raise Mistake(f"{self.path}: no column is left for features beside {', '.join(aside)}")
        groups = table[self.group].to_numpy() if self.group else None
        return Rows(features, self._target(table[targets]), target_names=tuple(targets), groups=groups)

    def _table(self) -> pd.DataFrame:
        path = Path(self.path).expanduser()
        try:
            return pd.read_csv(path, sep=self.separator)
        except FileNotFoundError as error:
            raise Mistake(f"data.path={self.path}: no such file") from error
        except (OSError, ValueError) as error:  # pandas' parser errors are ValueErrors
            raise Mistake(f"{self.path}: {str(error).strip().splitlines()[0]}") from error

    def _target(self, target: pd.DataFrame) -> np.ndarray:
        for name in target.columns:
            if len(gaps := np.flatnonzero(target[name].isna())):
                raise Mistake(f"{self.path}: the target {name} is empty in row {gaps[0] + 2}")
        if self.task == "classes":
            if target.shape[1] != 1:
                raise Mistake("data.target: classes stand in one column; give a list only with data.task=values")
            return target.iloc[:, 0].to_numpy()
        for name in target.columns:
            if not pd.api.types.is_numeric_dtype(target[name]):
                raise Mistake(f"{self.path}: the target {name} is text; data.task=values needs numbers")
        return target.to_numpy(dtype=np.float64)
