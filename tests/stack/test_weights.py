"""The stacked parameters are those of the networks, and so are their gradients."""

import torch

from mlplab.model.mlp import MLP
from mlplab.stack.weights import Weights


def networks(count: int) -> list[MLP]:
    return [MLP(3, 2, hidden_features=[4]) for _ in range(count)]


def test_a_members_row_is_its_parameters_in_their_own_shapes() -> None:
    held = networks(3)
    weights = Weights(held)
    for row, network in zip(weights.flat, held, strict=True):
        for value, parameter in zip(weights.singles(row), network.parameters(), strict=True):
            assert torch.equal(value, parameter)


def test_a_leaf_is_a_view_so_that_a_step_on_the_whole_reaches_it() -> None:
    weights = Weights(networks(2))
    weights.flat.zero_()
    assert all(not leaf.any() for leaf in weights.leaves.values())


def test_every_parameter_has_its_gradient_at_its_own_place() -> None:
    weights = Weights(networks(2))
    factors = {name: torch.randn_like(leaf) for name, leaf in weights.leaves.items()}
    loss = torch.stack([(leaf * factors[name]).sum() for name, leaf in weights.leaves.items()]).sum()
    assert torch.equal(
        weights.joined(weights.gradients(loss)), torch.cat([one.flatten(1) for one in factors.values()], dim=1)
    )
