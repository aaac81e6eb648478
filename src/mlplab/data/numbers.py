"""Are the numbers of a data set such that a network can learn from them?"""

from collections.abc import Sequence

import numpy as np
import torch

from mlplab.errors import Mistake

LOST = 0.1  # of a column's spread, by rounding


def dtype_of(precision: str) -> torch.dtype:
    """Of features, values and weights, by `trainer.precision`."""
    return torch.float64 if precision == "64-true" else torch.float32


def fits(values: np.ndarray, dtype: torch.dtype) -> np.ndarray:
    """Where there is a number that is finite in `dtype`; false for NaN."""
    good: np.ndarray = np.abs(values) <= np.float64(torch.finfo(dtype).max)
    return good


def check_numbers(values: np.ndarray, dtype: torch.dtype, where: str, names: Sequence[str]) -> None:
    """values: (N,) or (N, K), with a name a column. Raises Mistake for what is not finite in `dtype`."""
    if not np.issubdtype(values.dtype, np.floating):
        return
    columns = values.reshape(len(values), -1)
    beyond = ~fits(columns, dtype)
    if beyond.any():
        row, column = np.argwhere(beyond)[0]
        value = columns[row, column]
        kind = str(dtype).removeprefix("torch.")
        if np.isfinite(value):
            raise Mistake(f"{names[column]} is {value:g} in the {where}, too large for {kind}: choose a larger unit")
        raise Mistake(f"{names[column]} is {value:g} in the {where}: finite numbers are needed")


def check_digits(features: np.ndarray, dtype: torch.dtype, names: Sequence[str]) -> None:
    """features: (N, K) of training. Raises Mistake for a column whose spread is lost in the rounding to float32."""
    if dtype != torch.float32 or features.dtype != np.float64:
        return
    spread = features.std(axis=0)
    rounding = np.spacing(np.abs(features).max(axis=0).astype(np.float32)).astype(np.float64) / 2
    lost = (rounding > LOST * spread) & (spread > 1e-12 * np.abs(features).max(axis=0))
    if lost.any():
        column = int(lost.argmax())
        about = f"{features[:, column].mean():g}, with a spread of {spread[column]:g}"
        remedy = "subtract a constant from it, or trainer.precision=64-true"
        raise Mistake(f"feature {names[column]} lies about {about}, which float32 cannot tell apart: {remedy}")


def check_target(target: np.ndarray, names: Sequence[str]) -> None:
    """target: (N, K) of all rows. Raises Mistake for a column of one value: r2 has no meaning there."""
    constant = (target == target[0]).all(axis=0)
    if constant.any():
        column = int(constant.argmax())
        raise Mistake(f"target {names[column]} is {target[0, column]:g} in every row: there is nothing to learn")
