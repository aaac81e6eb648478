"""The formulas are torch's: the same weights after the same gradients; and what is kept beside a weight."""

from typing import Any

import pytest
import torch
from torch import nn
from torch.optim import SGD, Adam, AdamW, NAdam, RMSprop

from mlplab.stack.optimizer import FORMULAS, StackedOptimizer, optimizer_state

MORE: dict[type, list[dict[str, Any]]] = {
    SGD: [{}, {"momentum": 0.9}, {"momentum": 0.5, "nesterov": True}, {"momentum": 0.5, "dampening": 0.2}],
    RMSprop: [{}, {"momentum": 0.9}, {"alpha": 0.8}],
    Adam: [{}, {"betas": (0.8, 0.95)}, {"eps": 1e-3}],
}


@pytest.mark.parametrize("decay", [0.0, 0.1])
@pytest.mark.parametrize(
    ("kind", "more"), [(kind, more) for kind in FORMULAS for more in MORE.get(kind, [{}])], ids=str
)
def test_ten_steps_are_those_of_torch(kind: Any, more: dict[str, Any], decay: float) -> None:
    networks = [nn.Linear(3, 2).double() for _ in range(3)]
    optimizers = [
        kind(one.parameters(), lr=lr, weight_decay=decay, **more)
        for one, lr in zip(networks, (0.1, 0.01, 1.0), strict=True)
    ]
    flat = torch.stack([torch.cat([one.detach().flatten() for one in network.parameters()]) for network in networks])
    together = StackedOptimizer(optimizers, networks, flat)
    for _ in range(10):
        gradient = torch.randn(3, 8, dtype=torch.float64)
        for row, network, optimizer in zip(gradient, networks, optimizers, strict=True):
            network.weight.grad, network.bias.grad = row[:6].view(2, 3).clone(), row[6:].clone()
            optimizer.step()
        together.step(gradient)
    for row, network in zip(flat, networks, strict=True):
        torch.testing.assert_close(row[:6].view(2, 3), network.weight.detach(), rtol=1e-9, atol=1e-12)
    for place, optimizer in enumerate(optimizers):
        held = optimizer.state[networks[place].bias]
        own = optimizer_state(
            optimizer,
            {name: values[place, 6:] for name, values in together.state.items()},
            together.steps,
            together.products[place, 0],
        )
        assert [name for name, value in held.items() if value is not None] == list(own)
        for name, value in own.items():
            torch.testing.assert_close(value, held[name], rtol=1e-6, atol=1e-12)


def test_weight_decay_spares_what_is_in_a_group_without_it() -> None:
    network = nn.Linear(3, 2)
    groups = [{"params": [network.weight]}, {"params": [network.bias], "weight_decay": 0.0}]
    optimizer = AdamW(groups, lr=0.1, weight_decay=0.5)
    flat = torch.ones(1, 8)
    StackedOptimizer([optimizer], [network], flat).step(torch.zeros(1, 8))
    assert torch.allclose(flat, torch.tensor([[0.95] * 6 + [1.0] * 2]))


def test_the_products_of_nadam_are_kept_as_torch_keeps_them() -> None:
    network = nn.Linear(1, 1).double()
    together = StackedOptimizer([NAdam(network.parameters())], [network], torch.zeros(1, 2, dtype=torch.float64))
    assert together.products.dtype == torch.float32


def test_a_large_net_takes_the_same_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    gradients = torch.randn(5, 3, 8)
    found = []
    for large in (1, 100):
        monkeypatch.setattr("mlplab.stack.optimizer.LARGE", large)
        networks = [nn.Linear(3, 2) for _ in range(3)]
        optimizers = [
            AdamW(one.parameters(), lr=lr, weight_decay=0.1) for one, lr in zip(networks, (0.1, 0.01, 1.0), strict=True)
        ]
        flat = torch.ones(3, 8)
        together = StackedOptimizer(optimizers, networks, flat)
        for gradient in gradients:
            together.step(gradient)
        found.append((flat, together.state))
    torch.testing.assert_close(found[0], found[1])
