"""Reads the user's own CSV file: numeric columns as they are, text columns one-hot."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from mlplab.data.dataset import Dataset
from mlplab.data.readers import read_table
from mlplab.data.splits import RawData, Splits, Task
from mlplab.errors import UserError

DATE = r"\d{4}-\d\d-\d\d|$"  # how the text of a date begins; an empty cell is allowed


@dataclass(kw_only=True)
class CSV(Dataset):
    r"""target: a column, or a list of columns for regression; all other columns but `group` and `ignore` are features.

    Messages name a row by its line in the file. separator: \t means a tab.
    """

    path: str
    target: str | list[str]
    task: str  # classification or regression
    separator: str = ","
    group: str | None = None
    ignore: str | list[str] | None = None

    def __post_init__(self) -> None:
        if self.task not in (Task.CLASSIFICATION, Task.REGRESSION):
            raise UserError(f"data.task={self.task}: must be one of classification, regression")
        names = _names(self.target)
        if not names or len(set(names)) < len(names):
            raise UserError(f"data.target={self.target}: a column, or a list of different ones")

    def splits(self, dtype: torch.dtype = torch.float32) -> Splits:
        try:
            return super().splits(dtype)
        except UserError as error:
            if str(error).startswith("column "):
                raise UserError(f"{self.path}: {error}") from error
            raise

    def read(self) -> RawData:
        if not Path(self.path).expanduser().exists():
            raise UserError(f"data.path={self.path}: no such file")
        table = read_table(self.path, self.separator, key="data.separator")
        targets = _names(self.target)
        aside = [*targets, *_names(self.group), *_names(self.ignore)]
        for name in aside:
            if name not in table.columns:
                raise UserError(f"{self.path}: no column {name}; columns: {', '.join(map(str, table.columns))}")
        features = table.drop(columns=aside)
        if features.shape[1] == 0:
            raise UserError(f"{self.path}: no column is left for features beside {', '.join(aside)}")
        self._check_complete(table[_names(self.group)], "group")
        self._check_complete(table[targets], "target")
        return RawData(
            features,
            self._numbers(table[targets]) if self.task == Task.REGRESSION else self._labels(table[targets]),
            target_names=tuple(targets),
            groups=None if self.group is None else table[str(self.group)].to_numpy(),
            dates=parse_dates(table.drop(columns=targets)),
        )

    def _check_complete(self, columns: pd.DataFrame, what: str) -> None:
        for name, column in columns.items():
            if column.isna().any():
                raise UserError(f"{self.path}: the {what} {name} is empty in row {column.isna().idxmax()}")

    def _numbers(self, target: pd.DataFrame) -> np.ndarray:
        for name, column in target.items():
            if not pd.api.types.is_numeric_dtype(column):
                row, cell = next(iter(column[pd.to_numeric(column, errors="coerce").isna()].items()))
                where = f"row {row}: {cell!r}"
                raise UserError(f"{self.path}: the target {name} is text; data.task=regression needs numbers ({where})")
            if np.isinf(column).any():
                raise UserError(f"{self.path}: the target {name} is infinite in row {np.isinf(column).idxmax()}")
        return target.to_numpy(dtype=np.float64)

    def _labels(self, target: pd.DataFrame) -> np.ndarray:
        if target.shape[1] != 1:
            raise UserError("data.target: classes need one column; a list of columns needs data.task=regression")
        column = target.iloc[:, 0]
        labels = column.nunique()
        if pd.api.types.is_float_dtype(column) and 2 * labels > len(column):
            found = f"{labels} different numbers in {len(column)} rows"
            raise UserError(
                f"{self.path}: the target {column.name} has {found}: use data.task=regression to predict numbers"
            )
        return column.to_numpy()


def parse_dates(table: pd.DataFrame) -> pd.DataFrame | None:
    """Returns the columns in which all cells are dates, such as 2024-03-01, with or without a time, or empty."""
    texts: pd.DataFrame = table.select_dtypes("str").fillna("")
    likely = [name for name in texts if texts[name].str.match(DATE).all() and texts[name].any()]
    dates = texts[likely].apply(pd.to_datetime, format="ISO8601", utc=True, errors="coerce")
    valid = [name for name in likely if (dates[name].notna() == (texts[name] != "")).all()]
    return dates[valid] if valid else None


def _names(value: str | list[str] | None) -> list[str]:
    """Returns one name or several; YAML reads a column called 2020 as a number."""
    return [] if value is None else [str(name) for name in (value if isinstance(value, list) else [value])]
