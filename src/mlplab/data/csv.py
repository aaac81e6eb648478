"""The user's own table: numbers as they are, text as one-hot, gaps by the training median."""

import csv
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import torch

from mlplab.data.dataset import Dataset
from mlplab.data.rows import Rows
from mlplab.data.splits import Splits
from mlplab.mistake import Mistake


@dataclass(kw_only=True)
class CSV(Dataset):
    """target: a column, or a list of columns for values; every other column is a feature, but `group` and `ignore`.

    Messages name a row by its line in the file.
    """

    path: str
    target: str | list[str]
    task: Literal["classes", "values"]
    separator: str = ","
    group: str | None = None
    ignore: list[str] | None = None

    def splits(self, dtype: torch.dtype = torch.float32) -> Splits:
        try:
            return super().splits(dtype)
        except Mistake as mistake:
            if str(mistake).startswith("column "):
                raise Mistake(f"{self.path}: {mistake}") from mistake
            raise

    def read(self) -> Rows:
        table = read_table(self.path, self.separator)
        targets = [self.target] if isinstance(self.target, str) else list(self.target)
        aside = [*targets, *([self.group] if self.group else []), *(self.ignore or [])]
        for name in aside:
            if name not in table.columns:
                raise Mistake(f"{self.path}: no column {name}; columns: {', '.join(map(str, table.columns))}")
        features = table.drop(columns=aside)
        if features.shape[1] == 0:
            raise Mistake(f"{self.path}: no column is left for features beside {', '.join(aside)}")
        groups = self._full(table[self.group], "group").to_numpy() if self.group else None
        return Rows(features, self._target(table[targets]), target_names=tuple(targets), groups=groups)

    def _target(self, target: pd.DataFrame) -> np.ndarray:
        for name in target.columns:
            self._full(target[name], "target")
        if self.task == "classes":
            if target.shape[1] != 1:
                raise Mistake("data.target: classes stand in one column; give a list only with data.task=values")
            return target.iloc[:, 0].to_numpy()
        for name in target.columns:
            if not pd.api.types.is_numeric_dtype(target[name]):
                raise Mistake(f"{self.path}: the target {name} is text; data.task=values needs numbers")
            if np.isinf(target[name]).any():
                raise Mistake(
                    f"{self.path}: the target {name} is infinite in row {target.index[np.isinf(target[name])][0]}"
                )
        return target.to_numpy(dtype=np.float64)

    def _full(self, column: pd.Series, what: str) -> pd.Series:
        if column.isna().any():
            raise Mistake(f"{self.path}: the {what} {column.name} is empty in row {column.index[column.isna()][0]}")
        return column


def read_table(path: str, separator: str, text: Sequence[str] = ()) -> pd.DataFrame:
    """The rows of a file, each under its line in it. text: columns to be read as text, whatever stands in them."""
    place = Path(path).expanduser()
    words = dict.fromkeys(text, str)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)  # rows longer than the header lose what is over
            table = pd.read_csv(place, sep=separator, index_col=False, low_memory=False, dtype=words)
    except FileNotFoundError as error:
        raise Mistake(f"data.path={path}: no such file") from error
    except (OSError, ValueError, pd.errors.ParserWarning) as error:  # pandas' parser errors are ValueErrors
        raise Mistake(f"{path}: {str(error).strip().splitlines()[0]}") from error
    if table.empty:
        raise Mistake(f"{path}: no rows below the header")
    table.index = pd.Index(_lines(place, separator, len(table)))
    return table


def _lines(path: Path, separator: str, count: int) -> list[int]:
    """The line in the file of each row: blank lines and quoted line breaks shift it."""
    with open(path, newline="") as file:
        reader = csv.reader(file, delimiter=separator)
        lines = [reader.line_num for record in reader if record]
    return lines[1:] if len(lines) == count + 1 else list(range(2, count + 2))
