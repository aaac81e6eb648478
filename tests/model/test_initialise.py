"""Starting weights: the variance that each rule promises."""

import math
from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn

from mlplab.config.schema import CHOICES
from mlplab.errors import UserError
from mlplab.model.layers import INITIALISATIONS, initialise_weights
from mlplab.model.maxout import Maxout
from mlplab.model.mlp import MLP

FAN_IN, FAN_OUT = 400, 300
VARIANCES = {
    "default": 1 / (3 * FAN_IN),
    "xavier_uniform": 2 / (FAN_IN + FAN_OUT),
    "xavier_normal": 2 / (FAN_IN + FAN_OUT),
    "he_uniform": 2 / FAN_IN,
    "he_normal": 2 / FAN_IN,
    "lecun_normal": 1 / FAN_IN,
    "orthogonal": 1 / FAN_IN,  # 300 orthonormal rows of length 400
    "naive": 1.0,
    "zeros": 0.0,
}


def drawn(name: str) -> nn.Linear:
    torch.manual_seed(0)
    layer = nn.Linear(FAN_IN, FAN_OUT)
    initialise_weights(nn.Sequential(layer), name)
    return layer.requires_grad_(False)


def test_the_names_that_may_be_given_are_those_that_are_known() -> None:
    assert sorted(CHOICES["model.initialisation"]) == sorted(INITIALISATIONS) == sorted(VARIANCES)


@pytest.mark.parametrize("name", VARIANCES)
def test_the_weights_have_the_variance_of_the_rule(name: str) -> None:
    weight = drawn(name).weight
    # 120,000 draws: the sample variance is within 2 %, which is five of its standard errors
    assert float(weight.var(correction=0)) == pytest.approx(VARIANCES[name], rel=0.02)
    assert float(weight.mean()) == pytest.approx(0.0, abs=5 * math.sqrt(VARIANCES[name] / weight.numel()))


@pytest.mark.parametrize("name", ["default", "xavier_uniform", "he_uniform"])
def test_uniform_rules_are_bounded_by_the_root_of_three_variances(name: str) -> None:
    bound = math.sqrt(3 * VARIANCES[name])
    assert 0.99 * bound < float(drawn(name).weight.abs().max()) <= bound * (1 + 1e-6)


@pytest.mark.parametrize("name", ["xavier_normal", "he_normal", "lecun_normal", "naive"])
def test_normal_rules_have_tails(name: str) -> None:
    beyond = drawn(name).weight.abs() > 2 * math.sqrt(VARIANCES[name])
    assert float(beyond.float().mean()) == pytest.approx(0.0455, abs=0.004)


def test_orthogonal_rows_are_orthonormal() -> None:
    weight = drawn("orthogonal").weight
    torch.testing.assert_close(weight @ weight.T, torch.eye(FAN_OUT), rtol=0, atol=1e-5)


def test_biases_are_zero_by_every_rule_but_torchs_own() -> None:
    for name in VARIANCES:
        assert bool(drawn(name).bias.any()) == (name == "default")


@pytest.mark.parametrize("network", [MLP(3, 2, [8, 8], max_norm=1.0), Maxout(3, 2, [8, 8])])
def test_every_linear_layer_of_a_network_is_reached(network: nn.Module) -> None:
    initialise_weights(network, "zeros")
    assert not any(bool(parameter.any()) for parameter in network.parameters())


def hidden_spread(name: str, activation: type[nn.Module]) -> list[float]:
    """The mean square of each hidden layer's pre-activations, of unit inputs."""
    torch.manual_seed(0)
    network = MLP(256, 1, [256] * 6, activation, initialisation=name)
    seen: list[Tensor] = []
    for layer in network.modules():
        if isinstance(layer, nn.Linear):
            layer.register_forward_hook(lambda _, __, output: seen.append(output))
    network(torch.randn(128, 256))
    return [float(output.detach().square().mean()) for output in seen[:-1]]


def test_he_keeps_the_spread_of_relu_layers_and_naive_blows_it_up() -> None:
    assert all(1 < spread < 4 for spread in hidden_spread("he_normal", nn.ReLU))
    # relu halves the mean square, 256 inputs of weight variance 1 multiply it: by 128 a layer
    for before, after in pairwise(hidden_spread("naive", nn.ReLU)):
        assert 64 < after / before < 256


def test_an_unknown_name_is_refused_with_the_choices() -> None:
    with pytest.raises(UserError, match=r"model.initialisation=glorot: one of default, xavier_uniform"):
        MLP(2, 1, [4], initialisation="glorot")
