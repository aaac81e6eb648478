"""Gradients by hand against those of autograd."""

from functools import cache

import numpy as np
import torch
from torch import nn

from mlplab.config.compose import configure
from mlplab.lesson.activation_functions import activation as made
from mlplab.lesson.numpy_mlp import NumpyMLP
from mlplab.run.instantiate import make


def gap(activation: str, loss: str, seed: int) -> float:
    """The largest difference of a gradient from autograd's, of a random net with two hidden layers on random rows."""
    net = NumpyMLP.random((5, 7, 6, 3), activation, loss, seed)
    generator = np.random.default_rng(seed)
    features = generator.standard_normal((8, 5))
    target = _target(loss, generator)
    own = net.backward(net.forward(features), target)
    theirs = autograd(net, features, target, activation, loss)
    return max(float(abs(a - b).max()) for pair in zip(own, theirs, strict=True) for a, b in zip(*pair, strict=True))


def autograd(
    net: NumpyMLP, features: np.ndarray, target: np.ndarray, activation: str, loss: str
) -> list[tuple[np.ndarray, np.ndarray]]:
    """The gradients of the same net by PyTorch, with the activation and the loss that the lab's choices make."""
    bend = made(activation)
    parameters = [
        torch.tensor(one, requires_grad=True) for pair in zip(net.weights, net.biases, strict=True) for one in pair
    ]
    values = torch.from_numpy(features)
    for number, (weight, bias) in enumerate(zip(parameters[::2], parameters[1::2], strict=True)):
        values = (bend(values) if number else values) @ weight + bias
    found = iter(torch.autograd.grad(_loss(loss)(values, torch.from_numpy(target)), parameters))
    return [(by_weight.numpy(), by_bias.numpy()) for by_weight, by_bias in zip(found, found, strict=True)]


@cache
def _loss(name: str) -> nn.Module:
    data = {"ce": "digits", "bce": "moons"}.get(name, "line")
    made: nn.Module = make(configure(f"data={data}", f"loss={name}"), "loss")
    return made


def _target(loss: str, generator: np.random.Generator) -> np.ndarray:
    if loss == "ce":
        return generator.integers(0, 3, 8)
    values = generator.standard_normal((8, 3))
    return (values > 0).astype(float) if loss == "bce" else values
