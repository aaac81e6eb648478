"""Parts, and the slice of the training rows that stands for `train` in every curve."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mlplab.data.splits import Split, Splits


def part(count: int, in_features: int = 3) -> Split:
    return Split(torch.arange(count * in_features).reshape(count, in_features).float(), torch.arange(count))


def splits(num_train: int, num_val: int) -> Splits:
    return Splits(part(num_train), part(num_val), part(2), feature_names=("a", "b", "c"))


def test_a_parts_length_is_its_number_of_rows() -> None:
    assert len(part(7, in_features=2)) == 7


def test_the_first_rows_of_a_part_keep_features_and_target_together() -> None:
    first = part(5).first(2)
    assert first.features.tolist() == [[0, 1, 2], [3, 4, 5]]
    assert first.target.tolist() == [0, 1]


@settings(deadline=None)
@given(num_train=st.integers(1, 40), num_val=st.integers(1, 40))
def test_the_measured_slice_is_the_first_training_rows_no_more_than_val_has(num_train: int, num_val: int) -> None:
    made = splits(num_train, num_val)
    assert len(made.measured) == min(num_train, num_val)
    assert made.measured.target.tolist() == list(range(min(num_train, num_val)))


def test_the_number_of_features_is_that_of_the_columns() -> None:
    assert splits(4, 2).in_features == 3
