"""Losses between probabilities and targets, and the root mean squared error: values and gradients by hand."""

import math

import numpy as np
import pytest
import torch
from hydra.utils import instantiate
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from torch import nn

import mlplab
from mlplab.learner.losses import OnProbabilities, RootMeanSquaredError

# softmax of (ln 0.3, ln 0.6, ln 0.1) is (0.3, 0.6, 0.1)
OUTPUT = torch.tensor([[0.3, 0.6, 0.1], [0.8, 0.1, 0.1]], dtype=torch.float64).log()
TARGET = torch.tensor([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]], dtype=torch.float64)


def test_the_error_is_that_of_the_probabilities_over_all_entries() -> None:
    # squares: 0.09 + 0.16 + 0.01, 0.64 + 0.01 + 0.81; sizes: 0.3 + 0.4 + 0.1, 0.8 + 0.1 + 0.9
    squared = OnProbabilities(nn.MSELoss(), nn.Softmax(dim=1))(OUTPUT, TARGET)
    absolute = OnProbabilities(nn.L1Loss(), nn.Softmax(dim=1))(OUTPUT, TARGET)
    assert squared.item() == pytest.approx(1.72 / 6, rel=1e-12)
    assert absolute.item() == pytest.approx(2.6 / 6, rel=1e-12)


def test_the_sigmoid_loss_has_one_probability_per_row() -> None:
    loss = OnProbabilities(nn.MSELoss(), nn.Sigmoid())
    # sigmoid(ln 3) = 0.75
    value = loss(torch.tensor([[math.log(3)], [0.0]]), torch.tensor([[1.0], [1.0]]))
    assert value.item() == pytest.approx((0.25**2 + 0.5**2) / 2, rel=1e-6)


def test_a_confident_wrong_prediction_has_a_small_gradient_and_with_cross_entropy_a_large_one() -> None:
    output = torch.tensor([[10.0]], dtype=torch.float64, requires_grad=True)
    p = 1 / (1 + math.exp(-10))
    for loss, slope in (
        (OnProbabilities(nn.MSELoss(), nn.Sigmoid()), 2 * p * p * (1 - p)),  # 0.00009
        (nn.BCEWithLogitsLoss(), p),  # 0.99995
    ):
        (gradient,) = torch.autograd.grad(loss(output, torch.zeros_like(output)), output)
        assert gradient.item() == pytest.approx(slope, rel=1e-9)


def test_rmse_of_the_configuration_is_the_root_mean_squared_error() -> None:
    assert isinstance(instantiate(mlplab.configure("data=line", "loss=rmse").loss), RootMeanSquaredError)


def test_rmse_is_the_root_of_the_mean_and_not_the_mean_of_the_root() -> None:
    # predictions 4, 3 of targets 3, 5: sqrt((1 + 4) / 2), not sqrt(1 + 4) / 2
    value = RootMeanSquaredError()(torch.tensor([[4.0], [3.0]]), torch.tensor([[3.0], [5.0]]))
    assert value.item() == pytest.approx(math.sqrt(2.5), rel=1e-6)


def test_the_mean_of_rmse_is_over_all_entries() -> None:
    output = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    assert RootMeanSquaredError()(output, torch.zeros(2, 2)).item() == pytest.approx(math.sqrt(30 / 4), rel=1e-6)


@given(arrays(np.float64, (2, 5), elements=st.floats(-100, 100)))
@settings(deadline=None)
def test_the_gradient_of_rmse_is_the_error_over_n_times_the_rmse(pair: np.ndarray) -> None:
    output, target = torch.tensor(pair[0], requires_grad=True), torch.tensor(pair[1])
    error = pair[0] - pair[1]
    rmse = np.sqrt(np.mean(error**2))
    value = RootMeanSquaredError()(output, target)
    value.backward()
    assert output.grad is not None
    np.testing.assert_allclose(value.item(), rmse, rtol=1e-12)
    np.testing.assert_allclose(output.grad, error / (5 * rmse) if rmse > 0 else 0 * error, rtol=1e-9, atol=1e-12)


def test_at_zero_error_the_gradient_of_rmse_is_0() -> None:
    output = torch.tensor([[1.0], [2.0]], requires_grad=True)
    value = RootMeanSquaredError()(output, torch.tensor([[1.0], [2.0]]))
    value.backward()
    assert value.item() == 0.0
    assert output.grad is not None
    assert output.grad.flatten().tolist() == [0.0, 0.0]


def test_a_nan_error_gives_a_nan_rmse() -> None:
    value = RootMeanSquaredError()(torch.tensor([[math.nan], [1.0]]), torch.zeros(2, 1))
    assert math.isnan(value.item())
