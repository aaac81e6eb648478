"""The linear model: affine maps by hand, initial weights, a sigmoid neuron."""

import math

import pytest
import torch
from torch import nn

from mlplab.model.linear import Linear


def test_the_network_is_an_affine_map() -> None:
    network = Linear(2, 3)
    layer = next(part for part in network.modules() if isinstance(part, nn.Linear))
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[-0.5, 0.2, -0.1], [0.5, 0.4, -0.2]]).T)
        layer.bias.copy_(torch.tensor([-1.5, 0.2, 0.8]))
    torch.testing.assert_close(network(torch.tensor([[5.0, 2.0]])), torch.tensor([[-3.0, 2.0, -0.1]]))


def test_a_sigmoid_neuron_equals_its_formula() -> None:
    network = Linear(3, 1, initial_weight=0.5, initial_bias=-1.0, output_activation="sigmoid")
    expected = 1 / (1 + math.exp(-(1.0 * 0.5 + 2.0 * 0.5 + 4.0 * 0.5 - 1.0)))
    assert network(torch.tensor([[1.0, 2.0, 4.0]])).item() == pytest.approx(expected, rel=1e-6)


def test_initial_weight_and_bias_are_those_of_the_arguments() -> None:
    network = Linear(1, 1, initial_weight=-1.0, initial_bias=5.0)
    assert network(torch.tensor([[1.0], [2.0]])).flatten().tolist() == [4.0, 3.0]


def test_initial_weight_and_bias_can_be_set_independently() -> None:
    torch.manual_seed(0)
    weighted, biased = Linear(4, 8, initial_weight=3.0), Linear(4, 8, initial_bias=2.0)
    assert set(weighted.get_parameter("body.weight").flatten().tolist()) == {3.0}
    assert set(biased.get_parameter("body.bias").tolist()) == {2.0}
    for parameter in (weighted.get_parameter("body.bias"), biased.get_parameter("body.weight")):
        assert parameter.unique().numel() == parameter.numel()
        assert parameter.abs().max() <= 1 / math.sqrt(4)
