"""Tests the NumPy MLP against worked examples and PyTorch."""

from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

from mlplab.lesson.numpy_mlp import LOSSES, NumpyMLP, sigmoid, softmax
from mlplab.model.mlp import MLP

OUTPUT = (np.array([[0.2], [0.3], [0.4]]), np.array([0.1]))


def net(weight: list[list[float]], bias: list[float], activation: str) -> NumpyMLP:
    return NumpyMLP([np.array(weight), OUTPUT[0]], [np.array(bias), OUTPUT[1]], activation, "mse")


def test_identity_units_give_the_worked_example() -> None:
    example = net([[0.1, 0.7, -0.1], [0.2, -0.4, -0.2]], [-1.5, 0.2, 0.8], "linear")
    x = np.array([[7.0, 2.0]])
    np.testing.assert_allclose(x @ example.weights[0], [[1.1, 4.1, -1.1]])
    assert example.forward(x) == pytest.approx(1.19)
    np.testing.assert_allclose(example.inputs[1], [[-0.4, 4.3, -0.3]])


def test_relu_units_give_the_worked_example() -> None:
    example = net(np.array([[-0.1, 0.3], [0.2, 0.1], [-0.9, -0.4]]).T.tolist(), [-1.1, 0.1, 0.3], "relu")
    assert example.forward(np.array([[1.0, 2.0]])) == pytest.approx(0.25)
    np.testing.assert_allclose(example.sums[0], [[-0.6, 0.5, -1.4]])
    np.testing.assert_allclose(example.inputs[1], [[0, 0.5, 0]])


def test_one_layer_gives_the_worked_example() -> None:
    layer = NumpyMLP([np.array([[-0.5, 0.2, -0.1], [0.5, 0.4, -0.2]])], [np.array([-1.5, 0.2, 0.8])], "linear", "mse")
    np.testing.assert_allclose(layer.forward(np.array([[5.0, 2.0]])), [[-3, 2, -0.1]], atol=1e-12)


def test_a_sigmoid_unit_applies_the_sigmoid_to_its_weighted_sum() -> None:
    x, w, b = np.array([0.5, -1.0, 2.0]), np.array([0.3, 0.8, -0.1]), 0.2
    assert sigmoid(x @ w + b) == pytest.approx(1 / (1 + np.exp(0.65)))
    assert sigmoid(np.array([-800.0, 0.0, 800.0])).tolist() == [0, 0.5, 1]


def test_the_losses_give_the_worked_examples() -> None:
    outputs, targets = np.array([[29.0], [53.0], [98.0]]), np.array([[30.0], [50.0], [100.0]])
    assert LOSSES["mse"].value(outputs, targets) == pytest.approx(14 / 3)
    assert LOSSES["mae"].value(outputs, targets) == pytest.approx(2)
    probabilities = np.array([[0.2], [0.9], [0.3]])
    raw = np.log(probabilities / (1 - probabilities))
    assert LOSSES["bce"].value(raw, np.array([[0.0], [1.0], [0.0]])) == pytest.approx(0.22839, abs=5e-6)
    rows = np.log([[0.3, 0.6, 0.1], [0.8, 0.1, 0.1], [0.2, 0.3, 0.5]])
    assert LOSSES["ce"].value(rows, np.array([1, 0, 2])) == pytest.approx(0.47571, abs=5e-6)
    np.testing.assert_allclose(softmax(np.array([[-1.0, 2.0]])), [[0.0474, 0.9526]], atol=5e-5)


def test_gradients_equal_those_of_the_pytorch_model() -> None:
    by_hand = NumpyMLP.random((4, 6, 5, 3), "tanh", "ce", seed=1)
    model = MLP(4, 3, (6, 5), nn.Tanh, standardise=False).double()
    linear = [layer for layer in model.modules() if isinstance(layer, nn.Linear)]
    for layer, weight, bias in zip(linear, by_hand.weights, by_hand.biases, strict=True):
        layer.weight.data, layer.bias.data = torch.from_numpy(weight.T.copy()), torch.from_numpy(bias)
    generator = np.random.default_rng(2)
    features, target = generator.standard_normal((9, 4)), generator.integers(0, 3, 9)
    nn.functional.cross_entropy(model(torch.from_numpy(features)), torch.from_numpy(target)).backward()
    close = partial(np.testing.assert_allclose, rtol=0, atol=1e-12)
    gradients = by_hand.backward(by_hand.forward(features), target)
    for layer, (weight_gradient, bias_gradient) in zip(linear, gradients, strict=True):
        assert layer.weight.grad is not None
        assert layer.bias.grad is not None
        close(weight_gradient, layer.weight.grad.numpy().T)
        close(bias_gradient, layer.bias.grad.numpy())


def test_an_update_goes_against_the_gradient_and_lowers_the_loss() -> None:
    by_hand = NumpyMLP.random((2, 8, 1), "tanh", "mse", seed=0)
    features = np.array([[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]])
    target = np.array([[0.0], [1.0], [1.0], [0.0]])
    before = by_hand.weights[0].copy()
    weight_gradient, _ = by_hand.backward(by_hand.forward(features), target)[0]
    by_hand.step(features, target, lr=0.1)
    np.testing.assert_allclose(by_hand.weights[0], before - 0.1 * weight_gradient)
    for _ in range(2000):
        by_hand.step(features, target, lr=0.1)
    assert by_hand.measure(features, target) < 1e-3
