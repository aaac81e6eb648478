"""Layer by layer, on networks whose numbers are known by hand."""

import pytest
import torch
from torch import nn

from mlplab.learner.classifier import Classifier
from mlplab.learner.layers import layers
from mlplab.learner.regressor import Regressor


def regressor(*modules: nn.Module) -> Regressor:
    return Regressor(nn.Sequential(*modules), nn.MSELoss(), num_targets=1, target_scaling="none")


def test_units_that_no_row_lights_are_dead() -> None:
    first, last = nn.Linear(1, 4), nn.Linear(4, 1)
    with torch.no_grad():
        first.weight.copy_(torch.tensor([[1.0], [1.0], [-1.0], [-1.0]]))
        first.bias.copy_(torch.tensor([0.0, -9.0, 0.0, -9.0]))
    x = torch.tensor([[1.0], [2.0], [-1.0]])
    found = layers(regressor(first, nn.ReLU(), last), x, x)
    assert [(layer.name, layer.dead) for layer in found] == [("0", 0.5), ("2", 0.0)]


def test_gradients_are_autograd_s_and_leave_none_behind() -> None:
    learner = regressor(nn.Linear(1, 3), nn.Tanh(), nn.Linear(3, 1))
    x, y = torch.randn(8, 1), torch.randn(8, 1)
    found = layers(learner, x, y)
    assert all(parameter.grad is None for parameter in learner.parameters())
    learner.loss(learner.network(x), y).backward()
    weights = [learner.network[0].weight, learner.network[2].weight]
    assert [layer.gradient for layer in found] == pytest.approx([float(one.grad.norm()) for one in weights])


def test_a_flat_sigmoid_is_saturated() -> None:
    linear = nn.Linear(1, 1)
    nn.init.constant_(linear.weight, 100.0)
    nn.init.zeros_(linear.bias)
    x = torch.tensor([[1.0], [-1.0], [0.0], [0.0]])
    found = layers(regressor(linear, nn.Sigmoid(), nn.Linear(1, 1)), x, x)
    assert found[0].saturated == 0.5


def test_the_mode_and_the_spread_are_those_of_evaluation() -> None:
    network = nn.Sequential(nn.Linear(2, 64), nn.ReLU(), nn.Dropout(0.9), nn.Linear(64, 3))
    learner = Classifier(network, nn.CrossEntropyLoss(), num_classes=3)
    learner.train()
    x, y = torch.randn(50, 2), torch.randint(0, 3, (50,))
    once, twice = layers(learner, x, y), layers(learner, x, y)
    assert once == twice, "dropout is off"
    assert learner.training
    with torch.no_grad():
        assert once[0].spread == pytest.approx(float(network[:2](x).double().std()))
