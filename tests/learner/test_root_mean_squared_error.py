"""The root of the mean squared error: value and gradient by hand, and no NaN at zero error."""

import math

import numpy as np
import pytest
import torch
from hydra.utils import instantiate
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import mlplab
from mlplab.learner.losses import RootMeanSquaredError


def test_it_is_what_the_configuration_calls_rmse() -> None:
    assert isinstance(instantiate(mlplab.configure("data=line", "loss=rmse").loss), RootMeanSquaredError)


def test_the_simplified_model_has_an_rmse_of_1_5811() -> None:
    # predictions 4, 3 of targets 3, 5: sqrt((1 + 4) / 2), not sqrt(1 + 4) / 2
    value = RootMeanSquaredError()(torch.tensor([[4.0], [3.0]]), torch.tensor([[3.0], [5.0]]))
    assert value.item() == pytest.approx(math.sqrt(2.5), rel=1e-6)


def test_the_mean_is_over_all_entries() -> None:
    output = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    assert RootMeanSquaredError()(output, torch.zeros(2, 2)).item() == pytest.approx(math.sqrt(30 / 4), rel=1e-6)


@given(arrays(np.float64, (2, 5), elements=st.floats(-100, 100)))
@settings(deadline=None)
def test_the_gradient_is_the_error_over_n_times_the_rmse(pair: np.ndarray) -> None:
    output, target = torch.tensor(pair[0], requires_grad=True), torch.tensor(pair[1])
    error = pair[0] - pair[1]
    rmse = np.sqrt(np.mean(error**2))
    value = RootMeanSquaredError()(output, target)
    value.backward()
    assert output.grad is not None
    np.testing.assert_allclose(value.item(), rmse, rtol=1e-12)
    np.testing.assert_allclose(output.grad, error / (5 * rmse) if rmse > 0 else 0 * error, rtol=1e-9, atol=1e-12)


def test_at_zero_error_the_gradient_is_0() -> None:
    output = torch.tensor([[1.0], [2.0]], requires_grad=True)
    value = RootMeanSquaredError()(output, torch.tensor([[1.0], [2.0]]))
    value.backward()
    assert value.item() == 0.0
    assert output.grad is not None
    assert output.grad.flatten().tolist() == [0.0, 0.0]


def test_an_error_that_is_no_number_stays_visible() -> None:
    value = RootMeanSquaredError()(torch.tensor([[math.nan], [1.0]]), torch.zeros(2, 1))
    assert math.isnan(value.item())
