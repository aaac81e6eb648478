"""The target of other data is taken by names, by numbers only where no name is one, and refused with row and column."""

from typing import Any

import numpy as np
import pytest
import torch

from mlplab.data.preprocessing import encode_labels, has_ambiguous_names, numeric_columns
from mlplab.errors import UserError

QUALITY = ("3", "4", "5")
ROWS = ("2", "3")


@pytest.mark.parametrize(
    ("target", "names", "expected"),
    [
        ([5, 3], QUALITY, [2, 0]),
        ([5.0, 3.0], QUALITY, [2, 0]),
        (["5", "3.0"], QUALITY, [2, 0]),
        (["1", "01"], ("01", "1"), [1, 0]),
        (["10", "1e1"], ("10", "1e1"), [0, 1]),
        (["no", "yes"], ("no", "yes"), [0, 1]),
        ([1, 0], ("no", "yes"), [1, 0]),
        ([1, 0], ("False", "True"), [1, 0]),
        ([True, False], ("False", "True"), [1, 0]),
        (["1", "x"], ("01", "x"), [0, 1]),
    ],
)
def test_a_class_is_taken_by_its_name(target: Any, names: tuple[str, ...], expected: list[int]) -> None:
    assert encode_labels(np.array(target), names, ROWS).tolist() == expected


@pytest.mark.parametrize(
    ("target", "names", "said"),
    [
        ([4, 2], QUALITY, "row 3: class 2 in the target, which the run was not trained on; classes: 3, 4, 5"),
        ([0, 1], QUALITY, "row 2: class 0 in the target"),
        ([4, 9], QUALITY, "row 3: class 9 in the target"),
        ([1, 0], ("01", "1"), "row 3: class 0 in the target"),
        (["1", "1.0"], ("01", "1"), r"row 3: class 1\.0 in the target"),
        ([0, 7], ("no", "yes"), "row 3: class 7 in the target"),
        ([True, False], ("no", "yes"), "row 2: class True in the target"),
        ([0, -1], ("no", "yes"), "row 3: class -1 in the target"),
        ([4, np.nan], QUALITY, "row 3: an empty cell in the target"),
        (np.array([[4], [5]]), QUALITY, r"a target of shape \(2, 1\); \(2,\) is needed"),
        (np.array(4), QUALITY, r"a target of shape \(\)"),
    ],
)
def test_a_class_that_training_had_not_is_told_with_its_row(target: Any, names: tuple[str, ...], said: str) -> None:
    with pytest.raises(UserError, match=said):
        encode_labels(target, names, ROWS)


def test_names_that_are_one_number_are_told_apart() -> None:
    assert has_ambiguous_names(("1", "01"))
    assert has_ambiguous_names(("1e1", "10"))
    assert not has_ambiguous_names(("1", "2", "x"))
    assert not has_ambiguous_names(())


def test_values_are_columns_of_finite_numbers() -> None:
    assert numeric_columns(np.array([1, 2]), ["y"], ROWS, torch.float32).tolist() == [[1], [2]]
    assert numeric_columns(np.array([[1.5, 2], [3, 4]]), ["y", "z"], ROWS, torch.float32).tolist() == [[1.5, 2], [3, 4]]
    assert numeric_columns(np.array([1, 1e300]), ["y"], ROWS, torch.float64).tolist() == [[1], [1e300]]


@pytest.mark.parametrize(
    ("target", "names", "said"),
    [
        ([1, 1e300], ["y"], r"column y, row 3: 1e\+300 in the target, where a finite number is needed"),
        ([[1, 2], [np.nan, 4]], ["y", "z"], "column y, row 3: nan in the target"),
        (np.array([[1, "2"], [3, "much"]], dtype=object), ["y", "z"], "column z, row 3: much in the target"),
        ([1, 2, 3], ["y"], r"shape \(3,\); \(2, 1\) or \(2,\) is needed"),
        ([1, 2], ["y", "z"], r"shape \(2,\); \(2, 2\) is needed"),
        (4, ["y"], r"a target of shape \(\)"),
    ],
)
def test_what_is_no_value_is_told_with_column_and_row(target: Any, names: list[str], said: str) -> None:
    with pytest.raises(UserError, match=said):
        numeric_columns(target, names, ROWS, torch.float32)
