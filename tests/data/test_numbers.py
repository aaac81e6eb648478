"""Numbers that a network cannot learn from, by hand."""

import numpy as np
import pytest
import torch

from mlplab.data.preprocessing import (
    check_numbers,
    check_precision,
    check_target,
    dtype_for_precision,
    is_representable,
)
from mlplab.errors import UserError


@pytest.mark.parametrize(
    ("value", "dtype", "said"),
    [
        (np.nan, torch.float32, "x2 is nan in the val split: finite numbers are needed"),
        (np.inf, torch.float64, "x2 is inf in the val split: finite numbers are needed"),
        (-1e39, torch.float32, "x2 is -1e+39 in the val split, too large for float32"),
    ],
)
def test_a_number_that_the_precision_cannot_hold_is_refused_by_column(
    value: float, dtype: torch.dtype, said: str
) -> None:
    values = np.array([[1.0, 2.0], [3.0, value]])
    with pytest.raises(UserError) as mistake:
        check_numbers(values, dtype, "val split", ["x1", "x2"])
    assert said in str(mistake.value)


def test_large_numbers_pixels_and_labels_pass() -> None:
    check_numbers(np.array([3e38]), torch.float32, "train split", ["y"])
    check_numbers(np.array([1e300]), torch.float64, "train split", ["y"])
    check_numbers(np.array([255], dtype=np.uint8), torch.float32, "train split", ["pixel"])
    check_numbers(np.array(["cat"]), torch.float32, "train split", [])


def test_a_column_whose_spread_float32_rounds_away_is_refused() -> None:
    # float32 knows 1.6e9 to 128
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


def test_a_number_fits_its_precision_or_not() -> None:
    assert dtype_for_precision("64-true") == torch.float64
    assert dtype_for_precision("32-true") == dtype_for_precision("bf16-mixed") == torch.float32
    values = np.array([1, 1e39, np.inf, np.nan])
    assert is_representable(values, torch.float32).tolist() == [True, False, False, False]
    assert is_representable(values, torch.float64).tolist() == [True, True, False, False]
    for kind in (np.float32, np.float16):
        assert is_representable(np.array([1, np.inf, np.nan], dtype=kind), torch.float64).tolist() == [
            True,
            False,
            False,
        ]


def test_a_target_of_one_value_is_refused_by_name() -> None:
    with pytest.raises(UserError, match=r"^target b is 7 in every row: there is nothing to learn$"):
        check_target(np.array([[1.0, 7.0], [2.0, 7.0]]), ["a", "b"])
    check_target(np.array([[1.0, 7.0], [2.0, 7.5]]), ["a", "b"])
