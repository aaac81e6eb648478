"""The formulas are torch's: the same weights after the same gradients, and the same state for each parameter."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.optim import SGD, Adam, AdamW, NAdam, RMSprop

from mlplab.stack.optimizer import FORMULAS, LARGE, StackedOptimizer, optimizer_state

MORE: dict[type, list[dict[str, Any]]] = {
    SGD: [{}, {"momentum": 0.9}, {"momentum": 0.5, "nesterov": True}, {"momentum": 0.5, "dampening": 0.2}],
    RMSprop: [{}, {"momentum": 0.9}, {"alpha": 0.8}],
    Adam: [{}, {"betas": (0.8, 0.95)}, {"eps": 1e-3}],
}
ADAM: dict[str, list[dict[str, Any]]] = {
    "all the same": [{"lr": 0.01}] * 3,
    "different rates": [{"lr": lr} for lr in (0.1, 0.01, 0.001)],
    "different betas": [{"lr": 0.01, "betas": (beta, 0.99)} for beta in (0.9, 0.5, 0.0)],
}


def build(kind: Any, settings: list[dict[str, Any]]) -> tuple[list[nn.Linear], list[Any], StackedOptimizer]:
    """Networks of 8 parameters in float64, their optimizers, and the stacked one."""
    networks = [nn.Linear(3, 2).double() for _ in settings]
    optimizers = [kind(network.parameters(), **own) for network, own in zip(networks, settings, strict=True)]
    return networks, optimizers, StackedOptimizer(optimizers, networks, torch.stack([*map(flat, networks)]))


def flat(network: nn.Module) -> Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in network.parameters()])


def single_step(networks: list[nn.Linear], optimizers: list[Any], gradient: Tensor) -> None:
    """gradient: (K, 8)."""
    for row, network, optimizer in zip(gradient, networks, optimizers, strict=True):
        network.weight.grad, network.bias.grad = row[:6].view(2, 3).clone(), row[6:].clone()
        optimizer.step()


@pytest.mark.parametrize("decay", [0.0, 0.1])
@pytest.mark.parametrize(
    ("kind", "more"), [(kind, more) for kind in FORMULAS for more in MORE.get(kind, [{}])], ids=str
)
def test_ten_steps_are_torchs(kind: Any, more: dict[str, Any], decay: float) -> None:
    settings = [{"lr": lr, "weight_decay": decay, **more} for lr in (0.1, 0.01, 1.0)]
    networks, optimizers, together = build(kind, settings)
    for _ in range(10):
        gradient = torch.randn(3, 8, dtype=torch.float64)
        single_step(networks, optimizers, gradient)
        together.step(gradient)
    for row, network in zip(together.flat, networks, strict=True):
        torch.testing.assert_close(row[:6].view(2, 3), network.weight.detach(), rtol=1e-9, atol=1e-12)
    for place, optimizer in enumerate(optimizers):
        expected = optimizer.state[networks[place].bias]
        stacked = {name: values[place, 6:] for name, values in together.state.items()}
        own = optimizer_state(optimizer, stacked, together.steps, together.mu_products[place, 0])
        assert [name for name, value in expected.items() if value is not None] == list(own)
        for name, value in own.items():
            torch.testing.assert_close(value, expected[name], rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("kind", [Adam, AdamW])
@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize("name", ADAM)
def test_ten_steps_are_adams_in_each_of_its_forms(
    kind: Any, large: bool, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if large:
        monkeypatch.setattr("mlplab.stack.optimizer.LARGE", 8)
    networks, optimizers, together = build(kind, ADAM[name])
    assert together.can_step_per_parameter == large
    for step in range(10):
        pieces = [torch.randn(3, 2, 3, dtype=torch.float64), torch.randn(3, 2, dtype=torch.float64)]
        gradient = torch.cat([piece.flatten(1) for piece in pieces], dim=1)
        single_step(networks, optimizers, gradient)
        if large and step % 2:
            together.step_per_parameter(pieces)
        else:
            together.step(gradient)
    for row, network in zip(together.flat, networks, strict=True):
        torch.testing.assert_close(row, flat(network), rtol=1e-12, atol=1e-14)


def test_weight_decay_inside_the_gradient_needs_all_gradients_at_once() -> None:
    assert LARGE > 8
    *_, together = build(Adam, [{"lr": 0.1, "weight_decay": 0.1}] * 2)
    assert not together.can_step_per_parameter


def test_weight_decay_spares_parameters_in_a_group_without_it() -> None:
    network = nn.Linear(3, 2)
    groups = [{"params": [network.weight]}, {"params": [network.bias], "weight_decay": 0.0}]
    optimizer = AdamW(groups, lr=0.1, weight_decay=0.5)
    weights = torch.ones(1, 8)
    StackedOptimizer([optimizer], [network], weights).step(torch.zeros(1, 8))
    assert torch.allclose(weights, torch.tensor([[0.95] * 6 + [1.0] * 2]))


def test_nadams_products_have_the_precision_that_torch_gives_them() -> None:
    *_, together = build(NAdam, [{}])
    assert together.mu_products.dtype == torch.float32


def test_a_large_network_takes_the_same_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    gradients = torch.randn(5, 3, 8)
    found: list[Any] = []
    for large in (1, 100):
        monkeypatch.setattr("mlplab.stack.optimizer.LARGE", large)
        networks = [nn.Linear(3, 2) for _ in range(3)]
        optimizers = [
            AdamW(network.parameters(), lr=lr, weight_decay=0.1)
            for network, lr in zip(networks, (0.1, 0.01, 1.0), strict=True)
        ]
        weights = torch.ones(3, 8)
        together = StackedOptimizer(optimizers, networks, weights)
        for number, gradient in enumerate(gradients):
            if large == 1 and number % 2:
                together.step_per_parameter([gradient[:, :6].view(3, 2, 3), gradient[:, 6:]])
            else:
                together.step(gradient)
        found.append((weights, together.state))
    torch.testing.assert_close(found[0], found[1])
