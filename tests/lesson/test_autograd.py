"""Gradients by hand are those of autograd, for every activation and loss that the NumPy MLP offers."""

import numpy as np
import pytest

from mlplab.lesson.by_hand import autograd_gradients, largest_difference
from mlplab.lesson.numpy_mlp import ACTIVATIONS, LOSSES, NumpyMLP


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_gradients_are_those_of_autograd(activation: str, loss: str) -> None:
    assert max(largest_difference(activation, loss, seed) for seed in range(3)) <= 1e-6


def test_the_gradients_that_are_compared_with_are_those_of_the_worked_example() -> None:
    weights = [np.array([[-0.1, 0.2, -0.9], [0.3, 0.1, -0.4]]), np.array([[0.2], [0.3], [0.4]])]
    net = NumpyMLP(weights, [np.array([-1.1, 0.1, 0.3]), np.array([0.1])], "relu", "mse")
    (first, _), (last, bias) = autograd_gradients(net, np.array([[1.0, 2.0]]), np.array([[1.0]]), "relu", "mse")
    np.testing.assert_allclose(first, [[0, -0.45, 0], [0, -0.9, 0]])
    np.testing.assert_allclose(last, [[0], [-0.75], [0]])
    np.testing.assert_allclose(bias, [-1.5])
