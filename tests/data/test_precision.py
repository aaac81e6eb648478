"""Numbers that a network cannot learn from are refused, by column and row."""

from typing import Any

import numpy as np
import pytest
import torch

from mlplab.data.precision import (
    check_numbers,
    check_precision,
    check_target,
    dtype_for_precision,
    first_not_finite,
    numeric_columns,
)
from mlplab.errors import UserError

ROWS = ("2", "3")


@pytest.mark.parametrize(
    ("value", "dtype", "message"),
    [
        (np.nan, torch.float32, "x2 is nan in the val split: finite numbers are needed"),
        (np.inf, torch.float64, "x2 is inf in the val split: finite numbers are needed"),
        (-1e39, torch.float32, "x2 is -1e+39 in the val split, too large for float32"),
    ],
)
def test_a_number_that_is_not_finite_in_the_precision_is_refused_by_column(
    value: float, dtype: torch.dtype, message: str
) -> None:
    values = np.array([[1.0, 2.0], [3.0, value]])
    with pytest.raises(UserError) as error:
        check_numbers(values, dtype, "val split", ["x1", "x2"])
    assert message in str(error.value)


def test_large_numbers_pixels_and_labels_pass() -> None:
    check_numbers(np.array([3e38]), torch.float32, "train split", ["y"])
    check_numbers(np.array([1e300]), torch.float64, "train split", ["y"])
    check_numbers(np.array([255], dtype=np.uint8), torch.float32, "train split", ["pixel"])
    check_numbers(np.array(["cat"]), torch.float32, "train split", [])


def test_a_column_whose_spread_is_lost_in_float32_is_refused() -> None:
    # neighbouring float32 numbers at 1.6e9 are 128 apart
    seconds = 1.6e9 + np.arange(400.0)[:, None]
    with pytest.raises(UserError, match=r"feature time lies about 1\.6e\+09.*trainer\.precision=64-true"):
        check_precision(seconds, torch.float32, ["time"])
    check_precision(seconds, torch.float64, ["time"])
    check_precision(1.6e9 + 3600 * np.arange(400.0)[:, None], torch.float32, ["time"])


@pytest.mark.parametrize(
    "column", [[5.0, 5.0, 5.0], [0.1, 0.1, 0.1], [1.6e9] * 3, [2000, 2000.01, 1999.99], [1e-9, 3e-9]]
)
def test_constant_and_ordinary_columns_pass(column: list[float]) -> None:
    check_precision(np.array(column)[:, None], torch.float32, ["x"])


def test_the_first_number_that_is_not_finite_depends_on_the_precision() -> None:
    assert dtype_for_precision("64-true") == torch.float64
    assert dtype_for_precision("32-true") == dtype_for_precision("bf16-mixed") == torch.float32
    values = np.array([[1, 2], [1, 1e39], [np.inf, np.nan]])
    assert first_not_finite(values, torch.float32) == (1, 1)
    assert first_not_finite(values, torch.float64) == (2, 0)
    assert first_not_finite(values[:2], torch.float64) is None
    for kind in (np.float32, np.float16):
        assert first_not_finite(np.array([[1, 2], [3, np.nan]], dtype=kind), torch.float64) == (1, 1)
    assert first_not_finite(np.array([[1, 255]], dtype=np.uint8), torch.float32) is None


def test_a_target_of_one_value_is_refused_by_name() -> None:
    with pytest.raises(UserError, match=r"^target b is 7 in every row: there is nothing to learn$"):
        check_target(np.array([[1.0, 7.0], [2.0, 7.0]]), ["a", "b"])
    check_target(np.array([[1.0, 7.0], [2.0, 7.5]]), ["a", "b"])


def test_a_regression_target_is_columns_of_finite_numbers() -> None:
    assert numeric_columns(np.array([1, 2]), ["y"], ROWS, torch.float32).tolist() == [[1], [2]]
    assert numeric_columns(np.array([[1.5, 2], [3, 4]]), ["y", "z"], ROWS, torch.float32).tolist() == [[1.5, 2], [3, 4]]
    assert numeric_columns(np.array([1, 1e300]), ["y"], ROWS, torch.float64).tolist() == [[1], [1e300]]


@pytest.mark.parametrize(
    ("target", "names", "message"),
    [
        ([1, 1e300], ["y"], r"column y, row 3: 1e\+300 in the target, where a finite number is needed"),
        ([[1, 2], [np.nan, 4]], ["y", "z"], "column y, row 3: nan in the target"),
        (np.array([[1, "2"], [3, "much"]], dtype=object), ["y", "z"], "column z, row 3: much in the target"),
        ([1, 2, 3], ["y"], r"shape \(3,\); \(2, 1\) or \(2,\) is needed"),
        ([1, 2], ["y", "z"], r"shape \(2,\); \(2, 2\) is needed"),
        (4, ["y"], r"a target of shape \(\)"),
    ],
)
def test_a_target_that_is_not_a_finite_number_is_refused_with_column_and_row(
    target: Any, names: list[str], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        numeric_columns(target, names, ROWS, torch.float32)
