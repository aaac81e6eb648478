"""K networks as one give what each gives by itself; what cannot be stacked says so."""

from types import SimpleNamespace

import pytest
import torch
from torch import Generator, nn

from mlplab.model.mlp import MLP
from mlplab.model.network import Network
from mlplab.stack.network import ELEMENTWISE, MemberGenerators, StackedNetwork, can_stack
from mlplab.stack.weights import Weights


def stack(networks: list[Network]) -> StackedNetwork:
    return StackedNetwork(networks, Weights(networks), MemberGenerators([Generator() for _ in networks]))


@pytest.mark.parametrize("activation", ELEMENTWISE, ids=lambda kind: kind.__name__)
def test_each_activation_is_taken_for_all_members(activation: type[nn.Module]) -> None:
    networks: list[Network] = [MLP(3, 2, hidden_features=[4], activation=activation).double() for _ in range(3)]
    features = torch.randn(5, 3, dtype=torch.float64)
    together = stack(networks)(features[None], False)
    for output, network in zip(together, networks, strict=True):
        torch.testing.assert_close(output, network.of_scaled(features))


def test_members_may_see_rows_of_their_own() -> None:
    networks: list[Network] = [MLP(3, 2, hidden_features=[4], normalisation="layer").double() for _ in range(2)]
    features = torch.randn(2, 5, 3, dtype=torch.float64)
    together = stack(networks)(features, True)
    for output, network, rows in zip(together, networks, features, strict=True):
        torch.testing.assert_close(output, network.of_scaled(rows))


class Doubled(MLP):
    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return 2 * super().forward(features)


class Cubed(nn.Module):
    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return features**3


@pytest.mark.parametrize(
    ("network", "said"),
    [
        (MLP(3, 2), ""),
        (Doubled(3, 2), "Doubled has a pass of its own"),
        (MLP(3, 2, activation=Cubed), "there is no stacked Cubed"),
    ],
)
def test_what_cannot_be_stacked_is_told(network: MLP, said: str) -> None:
    learner = SimpleNamespace(network=network, named_parameters=nn.ModuleDict({"network": network}).named_parameters)
    assert can_stack(learner) == said
