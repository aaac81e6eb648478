"""K networks as one give what each gives alone, and draw the same random numbers."""

from types import SimpleNamespace

import pytest
import torch
from torch import Generator, nn

from mlplab.model.layers import InputNoise
from mlplab.model.mlp import MLP
from mlplab.model.network import Network
from mlplab.stack.network import (
    ELEMENTWISE,
    StackedNetwork,
    generator_like_global,
    why_no_stacked_network,
)
from mlplab.stack.weights import Weights


def stack(networks: list[Network]) -> StackedNetwork:
    return StackedNetwork(networks, Weights(networks), [Generator() for _ in networks])


@pytest.mark.parametrize("activation", ELEMENTWISE, ids=lambda kind: kind.__name__)
def test_each_activation_works_for_all_members(activation: type[nn.Module]) -> None:
    networks: list[Network] = [MLP(3, 2, hidden_features=[4], activation=activation).double() for _ in range(3)]
    features = torch.randn(5, 3, dtype=torch.float64)
    together = stack(networks)(features[None], False)
    for output, network in zip(together, networks, strict=True):
        torch.testing.assert_close(output, network.of_scaled(features))


def test_members_may_get_different_rows() -> None:
    networks: list[Network] = [MLP(3, 2, hidden_features=[4], normalisation="layer").double() for _ in range(2)]
    features = torch.randn(2, 5, 3, dtype=torch.float64)
    together = stack(networks)(features, True)
    for output, network, rows in zip(together, networks, features, strict=True):
        torch.testing.assert_close(output, network.of_scaled(rows))


def test_a_layer_without_a_stacked_form_is_an_error() -> None:
    networks: list[Network] = [MLP(3, 2, activation=Cubed) for _ in range(2)]
    with pytest.raises(TypeError, match="Cubed"):
        stack(networks)


class Doubled(MLP):
    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return 2 * super().forward(features)


class Cubed(nn.Module):
    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return features**3


@pytest.mark.parametrize(
    ("modules", "reason"),
    [
        ({"network": MLP(3, 2)}, ""),
        ({"network": Doubled(3, 2)}, "Doubled has its own forward()"),
        ({"network": nn.Linear(3, 2)}, "Linear has its own forward()"),
        ({"network": MLP(3, 2, activation=Cubed)}, "Cubed has no stacked form"),
        ({"network": MLP(3, 2), "temperature": nn.Linear(1, 1)}, "the learner has parameters outside its network"),
    ],
)
def test_a_network_that_cannot_be_stacked_has_a_reason(modules: dict[str, nn.Module], reason: str) -> None:
    learner = SimpleNamespace(network=modules["network"], named_parameters=nn.ModuleDict(modules).named_parameters)
    assert why_no_stacked_network(learner) == reason


def test_the_dropout_mask_of_each_member_is_torchs() -> None:
    features = torch.ones(2, 33, 7)
    generators, expected = [], []
    for seed, probability in ((1, 0.3), (2, 0.5)):
        torch.manual_seed(seed)
        generators.append(generator_like_global())
        expected.append([torch.nn.functional.dropout(features[0], probability) != 0 for _ in range(2)])
    networks: list[Network] = [MLP(3, 2), MLP(3, 2)]
    dropout = StackedNetwork(networks, Weights(networks), generators).build([nn.Dropout(0.3), nn.Dropout(0.5)], "")
    for turn in range(2):
        mask = dropout(features, True)
        for place in range(2):
            assert torch.equal(mask[place] != 0, expected[place][turn])


def test_the_noise_of_each_member_is_torchs() -> None:
    torch.manual_seed(3)
    networks: list[Network] = [MLP(3, 2)]
    noise = StackedNetwork(networks, Weights(networks), [generator_like_global()]).build([InputNoise(1.0)], "")
    features = torch.ones(1, 5, 4, dtype=torch.float64)
    expected = torch.randn_like(features[0])
    assert torch.equal(noise(features, True)[0], features[0] + expected)
