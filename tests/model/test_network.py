"""What holds for every model that conf/model names: gradients, learning by heart, raw features in."""

import math
from pathlib import Path

import pytest
import torch
from hydra.utils import instantiate
from torch import nn

import mlplab
from mlplab.config.schema import CHOICES
from mlplab.errors import UserError
from mlplab.model.linear import Linear
from mlplab.model.network import OUTPUT_ACTIVATIONS, Network

MODELS = sorted(path.stem for path in (Path(__file__).resolve().parents[2] / "conf" / "model").glob("*.yaml"))


def configured(model: str, in_features: int, out_features: int, *overrides: str) -> Network:
    torch.manual_seed(0)
    config = mlplab.configure(f"model={model}", *overrides)
    network: Network = instantiate(config.model, in_features=in_features, out_features=out_features, _convert_="all")
    return network


@pytest.mark.parametrize("model", MODELS)
def test_every_parameter_gets_a_gradient(model: str) -> None:
    network = configured(model, 5, 3)
    nn.functional.cross_entropy(network(torch.randn(64, 5)), torch.arange(64) % 3).backward()
    silent = [
        name
        for name, parameter in network.named_parameters()
        if parameter.grad is None or not bool(parameter.grad.any())
    ]
    assert silent == []


@pytest.mark.parametrize("model", MODELS)
def test_a_batch_can_be_learned_by_heart(model: str) -> None:
    network = configured(model, 24, 3)
    features, target = torch.randn(16, 24), torch.randint(3, (16,))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.02)
    for _ in range(250):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(features), target).backward()
        optimizer.step()
    network.eval()
    with torch.no_grad():
        output = network(features)
    assert torch.equal(output.argmax(dim=1), target)
    assert float(nn.functional.cross_entropy(output, target)) < 0.05


@pytest.mark.parametrize("model", MODELS)
def test_the_unit_of_the_raw_features_makes_no_difference(model: str) -> None:
    features = torch.randn(32, 4, dtype=torch.float64)
    celsius, fahrenheit = configured(model, 4, 2).double().eval(), configured(model, 4, 2).double().eval()
    celsius.scale.learn(features)
    fahrenheit.scale.learn(1.8 * features + 32)
    torch.testing.assert_close(celsius(features), fahrenheit(1.8 * features + 32))


@pytest.mark.parametrize("model", MODELS)
def test_pixels_are_scaled_within_the_network(model: str) -> None:
    network = configured(model, 4, 2, "model.standardise=false").eval()
    levels = torch.randint(256, (8, 4), dtype=torch.uint8)
    shares = levels.float() / 255
    expected = network(shares)
    network.scale.learn(levels)
    torch.testing.assert_close(network(levels), expected)


def test_the_output_activations_equal_their_formulas() -> None:
    formulas = {
        "linear": lambda x: x,
        "sigmoid": lambda x: 1 / (1 + math.exp(-x)),
        "tanh": math.tanh,
        "softplus": lambda x: math.log(1 + math.exp(x)),
    }
    assert sorted(formulas) == sorted(OUTPUT_ACTIVATIONS) == sorted(CHOICES["model.output_activation"])
    for name, formula in formulas.items():
        network = Linear(1, 1, initial_weight=2.0, initial_bias=-1.0, output_activation=name)
        outputs = network(torch.tensor([[-1.0], [0.5], [2.0]])).flatten().tolist()
        assert outputs == pytest.approx([formula(x) for x in (-3.0, 0.0, 3.0)], rel=1e-5, abs=1e-7)


@pytest.mark.parametrize("model", MODELS)
def test_every_model_takes_the_output_activation(model: str) -> None:
    squashed = configured(model, 3, 1, "data=line", "model.output_activation=sigmoid", "learner.target_scaling=minmax")
    linear = configured(model, 3, 1)
    linear.load_state_dict(squashed.state_dict())
    features = torch.randn(16, 3)
    torch.testing.assert_close(squashed(features), 1 / (1 + (-linear(features)).exp()))


def test_an_unknown_output_activation_is_refused_with_the_choices() -> None:
    with pytest.raises(UserError, match=r"model.output_activation=softmax: one of linear, sigmoid, tanh, softplus"):
        Linear(2, 1, output_activation="softmax")
