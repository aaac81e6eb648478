"""A multilayer perceptron in NumPy: forward pass, loss, backward pass and gradient descent."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

Array = np.ndarray
Gradients = list[tuple[Array, Array]]  # with respect to weights and biases, one pair per layer


@dataclass(frozen=True)
class Activation:
    """An activation function f(z) and its derivative f'(z), element-wise."""

    value: Callable[[Array], Array]
    derivative: Callable[[Array], Array]


def sigmoid(z: Array) -> Array:
    """Computes 1 / (1 + e^-z) without overflow."""
    return (1 + np.tanh(z / 2)) / 2


ACTIVATIONS = {
    "linear": Activation(lambda z: z, np.ones_like),
    "sigmoid": Activation(sigmoid, lambda z: sigmoid(z) * (1 - sigmoid(z))),
    "tanh": Activation(np.tanh, lambda z: 1 - np.tanh(z) ** 2),
    "softsign": Activation(lambda z: z / (1 + abs(z)), lambda z: 1 / (1 + abs(z)) ** 2),
    "relu": Activation(lambda z: np.maximum(z, 0), lambda z: np.where(z > 0, 1.0, 0.0)),
    "leaky_relu": Activation(lambda z: np.where(z > 0, z, 0.01 * z), lambda z: np.where(z > 0, 1.0, 0.01)),
    "elu": Activation(lambda z: np.where(z > 0, z, np.expm1(np.minimum(z, 0))), lambda z: np.exp(np.minimum(z, 0))),
    "softplus": Activation(lambda z: np.logaddexp(0, z), sigmoid),
    "silu": Activation(lambda z: z * sigmoid(z), lambda z: sigmoid(z) * (1 + z * (1 - sigmoid(z)))),
}


@dataclass(frozen=True)
class Loss:
    """A loss of raw outputs (N, K) and targets, and its gradient with respect to the outputs, (N, K)."""

    value: Callable[[Array, Array], float]
    gradient: Callable[[Array, Array], Array]


def softmax(output: Array) -> Array:
    """Maps raw outputs (N, K) to probabilities (N, K); each row sums to 1."""
    exponentials = np.exp(output - output.max(axis=1, keepdims=True))  # e^1000 would overflow
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def one_hot(label: Array, num_classes: int) -> Array:
    return np.eye(num_classes)[label]


LOSSES = {
    "mse": Loss(lambda o, y: ((o - y) ** 2).mean(), lambda o, y: 2 * (o - y) / o.size),
    "mae": Loss(lambda o, y: abs(o - y).mean(), lambda o, y: np.sign(o - y) / o.size),
    "huber": Loss(
        lambda o, y: np.where(abs(o - y) < 1, (o - y) ** 2 / 2, abs(o - y) - 0.5).mean(),
        lambda o, y: np.clip(o - y, -1, 1) / o.size,
    ),
    # targets 0 and 1, (N, K)
    "bce": Loss(lambda o, y: (np.logaddexp(0, o) - y * o).mean(), lambda o, y: (sigmoid(o) - y) / o.size),
    # targets: class numbers, (N,)
    "ce": Loss(
        lambda o, y: -np.log(softmax(o)[np.arange(len(y)), y]).mean(),
        lambda o, y: (softmax(o) - one_hot(y, o.shape[1])) / len(y),
    ),
}


class NumpyMLP:
    """weights: (in, out) per layer, biases: (out,). The last layer is linear and returns raw outputs."""

    def __init__(self, weights: Sequence[Array], biases: Sequence[Array], activation: str, loss: str) -> None:
        self.weights = [np.array(weight, dtype=np.float64) for weight in weights]
        self.biases = [np.array(bias, dtype=np.float64) for bias in biases]
        self.activation = ACTIVATIONS[activation]
        self.loss = LOSSES[loss]

    @classmethod
    def random(cls, widths: Sequence[int], activation: str, loss: str, seed: int) -> "NumpyMLP":
        generator = np.random.default_rng(seed)
        weights = [generator.standard_normal((n, m)) / np.sqrt(n) for n, m in pairwise(widths)]
        return cls(weights, [generator.standard_normal(m) / 10 for m in widths[1:]], activation, loss)

    def forward(self, features: Array) -> Array:
        """Computes (N, in) -> (N, out). Stores the inputs and weighted sums of each layer for the backward pass."""
        self.inputs, self.sums = [features], []
        for weight, bias in zip(self.weights, self.biases, strict=True):
            self.sums.append(self.inputs[-1] @ weight + bias)
            self.inputs.append(self.activation.value(self.sums[-1]))
        return self.sums[-1]

    def backward(self, output: Array, target: Array) -> Gradients:
        """Applies the chain rule from the loss back to the first layer."""
        gradients: Gradients = []
        sum_gradient = self.loss.gradient(output, target)
        for layer in reversed(range(len(self.weights))):
            gradients.insert(0, (self.inputs[layer].T @ sum_gradient, sum_gradient.sum(axis=0)))
            if layer:
                sum_gradient = sum_gradient @ self.weights[layer].T * self.activation.derivative(self.sums[layer - 1])
        return gradients

    def update(self, gradients: Gradients, lr: float) -> None:
        """Updates the parameters by gradient descent."""
        for layer, (weight_gradient, bias_gradient) in enumerate(gradients):
            self.weights[layer] -= lr * weight_gradient
            self.biases[layer] -= lr * bias_gradient

    def step(self, features: Array, target: Array, lr: float) -> None:
        self.update(self.backward(self.forward(features), target), lr)

    def measure(self, features: Array, target: Array) -> float:
        return float(self.loss.value(self.forward(features), target))
