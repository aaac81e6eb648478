"""Learned scaling: what it does to numbers and to pixels, and that it can be undone."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from mlplab.model.layers import InputScaler

whole_numbers = arrays(
    np.int64, array_shapes(min_dims=2, max_dims=2, min_side=2, max_side=12), elements=st.integers(-999, 999)
)
pixels = arrays(np.uint8, array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=12))


def learned(features: torch.Tensor, standardise: bool = True) -> InputScaler:
    scale = InputScaler(features.shape[1], standardise)
    scale.learn(features)
    return scale


def test_nothing_changes_before_learning() -> None:
    features = torch.tensor([[1.5, -2.0], [1e6, 0.25]])
    assert torch.equal(InputScaler(2)(features), features)
    assert torch.equal(InputScaler(2)(torch.tensor([[0, 255]], dtype=torch.uint8)), torch.tensor([[0.0, 255.0]]))


def test_numbers_are_standardised_by_column() -> None:
    train = torch.tensor([[1.0, 10.0], [3.0, 30.0]])
    scale = learned(train)
    torch.testing.assert_close(scale(train), torch.tensor([[-1.0, -1.0], [1.0, 1.0]]))
    # means 2 and 20, sds 1 and 10, whatever the rows that come later
    torch.testing.assert_close(scale(torch.tensor([[5.0, 0.0]])), torch.tensor([[3.0, -2.0]]))


@given(whole_numbers)
@settings(deadline=None)
def test_scaled_columns_have_mean_0_and_sd_1_or_are_0(numbers: np.ndarray) -> None:
    scaled = learned(torch.from_numpy(numbers).float())(torch.from_numpy(numbers).float()).double().numpy()
    constant = (numbers == numbers[0]).all(axis=0)
    assert (scaled[:, constant] == 0).all()
    np.testing.assert_allclose(scaled.mean(axis=0), 0, atol=1e-3)
    np.testing.assert_allclose(scaled[:, ~constant].std(axis=0), 1, atol=1e-3)


@given(whole_numbers, st.booleans())
@settings(deadline=None)
def test_scaling_can_be_undone(numbers: np.ndarray, standardise: bool) -> None:
    features = torch.from_numpy(numbers).float()
    scale = learned(features, standardise)
    torch.testing.assert_close(scale(features) / scale.factor + scale.shift, features, rtol=1e-5, atol=1e-3)


@given(pixels)
@settings(deadline=None)
def test_pixels_have_one_mean_and_sd_of_all_of_them(levels: np.ndarray) -> None:
    scale = learned(torch.from_numpy(levels))
    numbers = levels.astype(np.float64)
    sd = numbers.std() or 255.0
    np.testing.assert_allclose(scale(torch.from_numpy(levels)), (numbers - numbers.mean()) / sd, rtol=1e-4, atol=1e-4)


def test_pixels_without_standardising_become_shares_of_255() -> None:
    levels = torch.tensor([[0, 51, 255]], dtype=torch.uint8)
    torch.testing.assert_close(learned(levels, standardise=False)(levels), torch.tensor([[0.0, 0.2, 1.0]]))


def test_numbers_without_standardising_stay() -> None:
    features = torch.tensor([[1.5, -2.0], [1e6, 0.25]])
    assert torch.equal(learned(features, standardise=False)(features), features)


@pytest.mark.parametrize("value", [0.0, 0.1, -273.15, 1e8])
def test_a_constant_column_becomes_0(value: float) -> None:
    column = torch.full((7, 1), value)
    assert learned(column)(column).flatten().tolist() == [0.0] * 7


def test_images_of_one_level_become_0() -> None:
    levels = torch.full((3, 4), 77, dtype=torch.uint8)
    assert learned(levels)(levels).flatten().tolist() == [0.0] * 12


def test_a_small_spread_on_a_large_mean_is_still_standardised() -> None:
    column = (2000 + 0.01 * torch.tensor([[-1.0], [1.0]], dtype=torch.float64)).float()
    low, high = learned(column)(column).flatten().tolist()
    # float32 knows 2000 to 0.00012 only, about a hundredth of the sd
    assert (low, high) == pytest.approx((-1.0, 1.0), abs=0.02)


def test_a_tiny_unit_is_no_constant_column() -> None:
    column = torch.tensor([[1e-9], [3e-9]])
    assert learned(column)(column).flatten().tolist() == pytest.approx([-1.0, 1.0], rel=1e-4)


def test_what_was_learned_travels_in_the_state() -> None:
    scale = learned(torch.tensor([[1.0, 10.0], [3.0, 30.0]]))
    other = InputScaler(2)
    other.load_state_dict(scale.state_dict())
    assert not list(scale.parameters())
    torch.testing.assert_close(other(torch.tensor([[5.0, 0.0]])), torch.tensor([[3.0, -2.0]]))


def test_images_are_flattened() -> None:
    scale = InputScaler(6)
    assert scale(torch.zeros(4, 2, 3, dtype=torch.uint8)).shape == (4, 6)
