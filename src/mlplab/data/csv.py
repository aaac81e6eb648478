"""The user's own table: numbers as they are, text as one-hot, gaps by the training median."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import torch

from mlplab.data.dataset import Dataset
from mlplab.data.readers import read_table
from mlplab.data.splits import RawData, Splits
from mlplab.errors import UserError


@dataclass(kw_only=True)
class CSV(Dataset):
    r"""target: a column, or a list of columns for values; every other column is a feature, but `group` and `ignore`.

    Messages name a row by its line in the file. separator: \t means a tab.
    """

    path: str
    target: str | list[str]
    task: Literal["classes", "values"]
    separator: str = ","
    group: str | None = None
    ignore: str | list[str] | None = None

    def __post_init__(self) -> None:
        names = _names(self.target)
        if not names or len(set(names)) < len(names):
            raise UserError(f"data.target={self.target}: a column, or a list of different ones")

    def splits(self, dtype: torch.dtype = torch.float32) -> Splits:
        try:
            return super().splits(dtype)
        except UserError as mistake:
            if str(mistake).startswith("column "):
                raise UserError(f"{self.path}: {mistake}") from mistake
            raise

    def read(self) -> RawData:
        table = self._table()
        targets = _names(self.target)
        aside = [*targets, *_names(self.group), *_names(self.ignore)]
        for name in aside:
            if name not in table.columns:
                raise UserError(f"{self.path}: no column {name}; columns: {', '.join(map(str, table.columns))}")
        features = table.drop(columns=aside)
        if features.shape[1] == 0:
            raise UserError(f"{self.path}: no column is left for features beside {', '.join(aside)}")
        groups = None if self.group is None else self._full(table[str(self.group)], "group").to_numpy()
        target = self._target(table[targets])
        dates = parse_dates(table.drop(columns=targets))
        return RawData(features, target, target_names=tuple(targets), groups=groups, dates=dates)

    def _table(self) -> pd.DataFrame:
        if not Path(self.path).expanduser().exists():
            raise UserError(f"data.path={self.path}: no such file")
        return read_table(self.path, self.separator, key="data.separator")

    def _target(self, target: pd.DataFrame) -> np.ndarray:
        for name in target.columns:
            self._full(target[name], "target")
        if self.task == "classes":
            if target.shape[1] != 1:
                raise UserError("data.target: classes stand in one column; give a list only with data.task=values")
            return self._labels(target.iloc[:, 0])
        for name in target.columns:
            if not pd.api.types.is_numeric_dtype(target[name]):
                row, cell = next((row, cell) for row, cell in target[name].items() if not _is_number(cell))
                where = f"row {row}: {cell!r}"
                raise UserError(f"{self.path}: the target {name} is text; data.task=values needs numbers ({where})")
            if np.isinf(target[name]).any():
                raise UserError(
                    f"{self.path}: the target {name} is infinite in row {target.index[np.isinf(target[name])][0]}"
                )
        return target.to_numpy(dtype=np.float64)

    def _labels(self, target: pd.Series) -> np.ndarray:
        labels = target.nunique()
        if pd.api.types.is_float_dtype(target) and 2 * labels > len(target):
            found = f"{labels} different numbers in {len(target)} rows"
            raise UserError(f"{self.path}: the target {target.name} has {found}: data.task=values learns numbers")
        return target.to_numpy()

    def _full(self, column: pd.Series, what: str) -> pd.Series:
        if column.isna().any():
            raise UserError(f"{self.path}: the {what} {column.name} is empty in row {column.index[column.isna()][0]}")
        return column


def parse_dates(table: pd.DataFrame) -> pd.DataFrame | None:
    """Of the columns whose cells are all dates, written as 2024-03-01 and perhaps a time, or empty."""
    texts: pd.DataFrame = table.select_dtypes("str").fillna("")
    likely = [name for name in texts if texts[name].str.match(r"\d{4}-\d\d-\d\d|$").all() and texts[name].any()]
    dates = texts[likely].apply(pd.to_datetime, format="ISO8601", utc=True, errors="coerce")
    good = [name for name in likely if (dates[name].notna() == (texts[name] != "")).all()]
    return dates[good] if good else None


def _names(given: str | list[str] | None) -> list[str]:
    """One name or several; YAML reads a column called 2020 as a number."""
    return [] if given is None else [str(name) for name in (given if isinstance(given, list) else [given])]


def _is_number(cell: object) -> bool:
    return bool(pd.notna(pd.to_numeric(pd.Series([cell]), errors="coerce")).all())
