"""What generated datasets share: the rows follow from split_seed alone."""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mlplab.data.synthetic import Line, Moons


def test_the_same_split_seed_gives_the_same_rows() -> None:
    first, again = (Moons(num_rows=50, split_seed=3).read() for _ in range(2))
    assert np.array_equal(first.features, again.features)
    assert np.array_equal(first.target, again.target)


def test_another_split_seed_gives_other_rows() -> None:
    first, other = (Line(num_rows=50, split_seed=seed).read() for seed in (0, 1))
    assert not np.isin(first.features, other.features).any()
    assert not np.isin(first.target, other.target).any()


def test_the_seeds_of_numpy_and_torch_change_no_row() -> None:
    torch.manual_seed(1)
    np.random.seed(1)
    first = Moons(num_rows=20).read()
    torch.manual_seed(2)
    np.random.seed(2)
    assert np.array_equal(first.features, Moons(num_rows=20).read().features)


@settings(deadline=None)
@given(num_rows=st.integers(20, 200))
def test_the_splits_hold_the_number_of_rows_asked_for(num_rows: int) -> None:
    splits = Moons(num_rows=num_rows).splits()
    assert len(splits.train) + len(splits.val) + len(splits.test) == num_rows
