"""However the step is made, it is torch's Adam of each member."""

from typing import Any

import pytest
import torch
from torch import nn
from torch.optim import Adam, AdamW

from mlplab.stack import optimizer as stacked
from mlplab.stack.optimizer import StackedOptimizer

SETTINGS: dict[str, list[dict[str, Any]]] = {
    "all the same": [{"lr": 0.01}] * 3,
    "rates of their own": [{"lr": lr} for lr in (0.1, 0.01, 0.001)],
    "averages of their own": [{"lr": 0.01, "betas": (beta, 0.99)} for beta in (0.9, 0.5, 0.0)],
}


def made(kind: Any, settings: list[dict[str, Any]]) -> tuple[list[nn.Linear], list[Any], StackedOptimizer]:
    networks = [nn.Linear(3, 2).double() for _ in settings]
    optimizers = [kind(network.parameters(), **own) for network, own in zip(networks, settings, strict=True)]
    rows = [torch.cat([one.detach().flatten() for one in network.parameters()]) for network in networks]
    return networks, optimizers, StackedOptimizer(optimizers, networks, torch.stack(rows))


@pytest.mark.parametrize("kind", [Adam, AdamW])
@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize("name", SETTINGS)
def test_ten_steps_are_those_of_each_members_own_optimizer(
    kind: Any, large: bool, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if large:
        for module in ("mlplab.stack.optimizer", "mlplab.stack.optimizer"):
            monkeypatch.setattr(f"{module}.LARGE", 8)
    networks, optimizers, together = made(kind, SETTINGS[name])
    assert together.takes_pieces == large
    for at in range(10):
        pieces = [torch.randn(3, 2, 3, dtype=torch.float64), torch.randn(3, 2, dtype=torch.float64)]
        for place, (network, optimizer) in enumerate(zip(networks, optimizers, strict=True)):
            network.weight.grad, network.bias.grad = (one[place].clone() for one in pieces)
            optimizer.step()
        if large and at % 2:
            together.step_in_pieces(pieces)
        else:
            together.step(torch.cat([one.flatten(1) for one in pieces], dim=1))
    for row, network in zip(together.flat, networks, strict=True):
        own = torch.cat([one.detach().flatten() for one in network.parameters()])
        torch.testing.assert_close(row, own, rtol=1e-12, atol=1e-14)


def test_pieces_are_not_taken_where_weights_add_to_the_gradient() -> None:
    assert stacked.LARGE > 8
    *_, together = made(Adam, [{"lr": 0.1, "weight_decay": 0.1}] * 2)
    assert not together.takes_pieces
