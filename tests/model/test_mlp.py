"""MLP: worked examples by hand, each activation and its derivative, no layer shares an activation."""

import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hydra.utils import instantiate
from torch import Tensor, nn

import mlplab
from mlplab.model.mlp import MLP

CONF = Path(__file__).resolve().parents[2] / "conf"
POINTS = (-6.0, -2.5, -0.5, 0.3, 1.5, 4.0)  # off the kinks of relu and hardtanh

ALPHA, LAMBDA = 1.6732632423543772, 1.0507009873554805  # Klambauer et al., 2017, arXiv:1706.02515


def logistic(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def softplus(x: float) -> float:
    return math.log(1 + math.exp(x))


def normal_cdf(x: float) -> float:
    return (1 + math.erf(x / math.sqrt(2))) / 2


def swish_slope(x: float) -> float:
    return logistic(x) + x * logistic(x) * (1 - logistic(x))


FORMULAS: dict[str, tuple[Callable[[float], float], Callable[[float], float]]] = {
    "linear": (lambda x: x, lambda x: 1.0),
    "sigmoid": (logistic, lambda x: logistic(x) * (1 - logistic(x))),
    "tanh": (
        lambda x: (math.exp(x) - math.exp(-x)) / (math.exp(x) + math.exp(-x)),
        lambda x: 4 / (math.exp(x) + math.exp(-x)) ** 2,
    ),
    "softsign": (lambda x: x / (1 + abs(x)), lambda x: 1 / (1 + abs(x)) ** 2),
    "relu": (lambda x: max(0.0, x), lambda x: float(x > 0)),
    "leaky_relu": (lambda x: max(0.01 * x, x), lambda x: 1.0 if x > 0 else 0.01),
    "prelu": (lambda x: max(0.25 * x, x), lambda x: 1.0 if x > 0 else 0.25),
    "softplus": (softplus, logistic),
    "elu": (lambda x: x if x > 0 else math.exp(x) - 1, lambda x: 1.0 if x > 0 else math.exp(x)),
    "selu": (
        lambda x: LAMBDA * (x if x > 0 else ALPHA * (math.exp(x) - 1)),
        lambda x: LAMBDA * (1.0 if x > 0 else ALPHA * math.exp(x)),
    ),
    "swish": (lambda x: x / (1 + math.exp(-x)), swish_slope),
    "silu": (lambda x: x / (1 + math.exp(-x)), swish_slope),
    "mish": (
        lambda x: x * math.tanh(softplus(x)),
        lambda x: math.tanh(softplus(x)) + x * (1 - math.tanh(softplus(x)) ** 2) * logistic(x),
    ),
    "gelu": (
        lambda x: x * normal_cdf(x),
        lambda x: normal_cdf(x) + x * math.exp(-x * x / 2) / math.sqrt(2 * math.pi),
    ),
    "hardtanh": (lambda x: max(-1.0, min(1.0, x)), lambda x: float(abs(x) < 1)),
}


def with_weights(network: MLP, *layers: tuple[list[list[float]], list[float]]) -> MLP:
    """Set the weights, (in, out) for each layer."""
    linear = [layer for layer in network.modules() if isinstance(layer, nn.Linear)]
    with torch.no_grad():
        for layer, (weight, bias) in zip(linear, layers, strict=True):
            layer.weight.copy_(torch.tensor(weight).T)
            layer.bias.copy_(torch.tensor(bias))
    return network


OUTPUT = ([[0.2], [0.3], [0.4]], [0.1])


def test_the_first_worked_example_gives_1_19() -> None:
    hidden = ([[0.1, 0.7, -0.1], [0.2, -0.4, -0.2]], [-1.5, 0.2, 0.8])
    network = with_weights(MLP(2, 1, [3], nn.Identity), hidden, OUTPUT)
    torch.testing.assert_close(network(torch.tensor([[7.0, 2.0]])), torch.tensor([[1.19]]))


def test_the_second_worked_example_gives_0_25() -> None:
    hidden = ([[-0.1, 0.2, -0.9], [0.3, 0.1, -0.4]], [-1.1, 0.1, 0.3])
    network = with_weights(MLP(2, 1, [3], nn.ReLU), hidden, OUTPUT)
    torch.testing.assert_close(network(torch.tensor([[1.0, 2.0]])), torch.tensor([[0.25]]))


def test_a_stack_of_linear_layers_is_still_linear() -> None:
    torch.manual_seed(0)
    network = MLP(3, 2, [16, 16, 16], nn.Identity).double()
    a, b = torch.randn(2, 5, 3, dtype=torch.float64)
    zero = torch.zeros_like(a)
    torch.testing.assert_close(network(a + b) + network(zero), network(a) + network(b))
    nonlinear = MLP(3, 2, [16, 16, 16], nn.Tanh).double()
    assert not torch.allclose(nonlinear(a + b) + nonlinear(zero), nonlinear(a) + nonlinear(b), atol=1e-3)


def test_each_choice_of_activation_is_tested_here() -> None:
    assert sorted(FORMULAS) == sorted(path.stem for path in (CONF / "activation").glob("*.yaml"))


@pytest.mark.parametrize("name", sorted(path.stem for path in (CONF / "activation").glob("*.yaml")))
def test_each_activation_and_its_slope_equal_the_formulas(name: str) -> None:
    activation: nn.Module = instantiate(mlplab.configure(f"activation={name}").activation)().double()
    value, slope = FORMULAS[name]
    x = torch.tensor(POINTS, dtype=torch.float64, requires_grad=True)
    y: Tensor = activation(x)
    (gradient,) = torch.autograd.grad(y.sum(), x)
    assert y.tolist() == pytest.approx([value(point) for point in POINTS], rel=1e-12, abs=1e-12)
    assert gradient.tolist() == pytest.approx([slope(point) for point in POINTS], rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("model", ["mlp", "residual_mlp"])
def test_no_learnable_activation_is_shared_between_layers(model: str) -> None:
    config = mlplab.configure(f"model={model}", "activation=prelu")
    network: nn.Module = instantiate(config.model, in_features=4, out_features=3, _convert_="all")
    slopes = [layer.weight for layer in network.modules() if isinstance(layer, nn.PReLU)]
    assert len({id(slope) for slope in slopes}) == {"mlp": 2, "residual_mlp": 4}[model]
    network(torch.randn(8, 4)).square().sum().backward()
    assert len({float(slope.grad) for slope in slopes if slope.grad is not None}) == len(slopes)


def test_dropout_acts_on_hidden_units_and_in_training_only() -> None:
    torch.manual_seed(0)
    network = with_weights(MLP(1, 1, [4], nn.ReLU, dropout=0.5), ([[1.0] * 4], [0.0] * 4), ([[1.0]] * 4, [10.0]))
    rows = torch.ones(400, 1)
    # a unit of value 1 is dropped, or doubled to keep the mean
    assert set(network(rows).flatten().tolist()) == {10.0, 12.0, 14.0, 16.0, 18.0}
    assert set(network.eval()(rows).flatten().tolist()) == {14.0}


def test_layers_have_the_widths_of_hidden_features() -> None:
    network = MLP(5, 2, [7, 6])
    linear = [layer for layer in network.modules() if isinstance(layer, nn.Linear)]
    assert [(layer.in_features, layer.out_features) for layer in linear] == [(5, 7), (7, 6), (6, 2)]
    # (5 + 1) 7 + (7 + 1) 6 + (6 + 1) 2
    assert sum(parameter.numel() for parameter in network.parameters()) == 104
