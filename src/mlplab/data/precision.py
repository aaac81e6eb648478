"""Checks that features and targets are finite and distinguishable in the precision of the run."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch

from mlplab.errors import UserError

MAX_ROUNDING = 0.1  # rounding error of float32, as a fraction of a column's standard deviation


def dtype_for_precision(precision: str) -> torch.dtype:
    """Returns the dtype of features, regression targets and weights under `trainer.precision`."""
    return torch.float64 if precision == "64-true" else torch.float32


def first_not_finite(values: np.ndarray, dtype: torch.dtype) -> tuple[int, int] | None:
    """Returns row and column of the first value of (N, K) that is not finite in `dtype`; whole numbers always are."""
    if not np.issubdtype(values.dtype, np.floating):
        return None
    found = np.argwhere(~(np.abs(values) <= np.float64(torch.finfo(dtype).max)))
    return (found[0][0], found[0][1]) if len(found) else None


def check_numbers(values: np.ndarray, dtype: torch.dtype, where: str, names: Sequence[str]) -> None:
    """Raises UserError for a value that is not finite in `dtype`. values: (N,) or (N, K). names: one a column."""
    columns = values.reshape(len(values), -1)
    if at := first_not_finite(columns, dtype):
        value, found = columns[at], f"{names[at[1]]} is {columns[at]:g} in the {where}"
        if np.isfinite(value):
            kind = str(dtype).removeprefix("torch.")
            raise UserError(f"{found}, too large for {kind}: choose a larger unit")
        raise UserError(f"{found}: finite numbers are needed")


def check_precision(features: np.ndarray, dtype: torch.dtype, names: Sequence[str]) -> None:
    """Raises UserError for a column whose spread is lost by rounding to float32. features: (N, K) of training."""
    if dtype != torch.float32 or features.dtype != np.float64:
        return
    spread = features.std(axis=0)
    rounding = np.spacing(np.abs(features).max(axis=0).astype(np.float32)).astype(np.float64) / 2
    lost = (rounding > MAX_ROUNDING * spread) & (spread > 1e-12 * np.abs(features).max(axis=0))
    if lost.any():
        column = int(lost.argmax())
        about = f"{features[:, column].mean():g}, with a spread of {spread[column]:g}"
        remedy = "subtract a constant from it, or trainer.precision=64-true"
        raise UserError(f"feature {names[column]} lies about {about}, which float32 cannot distinguish: {remedy}")


def check_target(target: np.ndarray, names: Sequence[str]) -> None:
    """Raises UserError for a target column of one value, for which R² is undefined. target: (N, K) of all rows."""
    constant = (target == target[0]).all(axis=0)
    if constant.any():
        column = int(constant.argmax())
        raise UserError(f"target {names[column]} is {target[0, column]:g} in every row: there is nothing to learn")


def numeric_columns(target: Any, names: Sequence[str], rows: Sequence[object], dtype: torch.dtype) -> np.ndarray:
    """Returns (N, K) targets of new rows, one column a name. rows: row names for messages.

    Raises UserError, with column and row, for a value that is not a finite number in `dtype`.
    """
    values = np.asarray(target)
    shapes = [(len(rows), len(names)), *([(len(rows),)] if len(names) == 1 else [])]
    if values.shape not in shapes:
        raise UserError(f"a target of shape {values.shape}; {' or '.join(map(str, shapes))} is needed")
    columns = values.reshape(shapes[0])
    if columns.dtype.kind not in "buif":
        columns = pd.DataFrame(columns).apply(pd.to_numeric, errors="coerce").to_numpy(dtype=np.float64)
    if at := first_not_finite(columns, dtype):
        cell = values.reshape(shapes[0])[at]
        raise UserError(
            f"column {names[at[1]]}, row {rows[at[0]]}: {cell} in the target, where a finite number is needed"
        )
    return columns
