"""Rows before any split: the target's shape says the task."""

import numpy as np
import pytest

from mlplab.data.rows import Rows


@pytest.mark.parametrize("labels", [[0, 1, 1], ["cat", "dog", "dog"]])
def test_a_target_of_one_dimension_is_classes(labels: list[object]) -> None:
    assert Rows(np.zeros((3, 2)), np.array(labels)).is_classes


@pytest.mark.parametrize("num_targets", [1, 3])
def test_a_target_of_two_dimensions_is_values_even_with_one_column(num_targets: int) -> None:
    assert not Rows(np.zeros((3, 2)), np.zeros((3, num_targets))).is_classes
