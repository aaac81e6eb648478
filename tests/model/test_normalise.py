"""Normalisation layers by name, on numbers by hand."""

import math

import pytest
import torch
from torch import nn

from mlplab.config.schema import CHOICES
from mlplab.errors import UserError
from mlplab.model.layers import normalisation_layer
from mlplab.model.mlp import MLP


def test_none_is_no_layer() -> None:
    assert normalisation_layer("none", 3) == []


def test_batch_normalises_columns_and_layer_rows() -> None:
    rows = torch.tensor([[1.0, 3.0], [3.0, 11.0]])
    (batch,) = normalisation_layer("batch", 2)
    (layer,) = normalisation_layer("layer", 2)
    torch.testing.assert_close(batch(rows), torch.tensor([[-1.0, -1.0], [1.0, 1.0]]), rtol=0, atol=1e-4)
    torch.testing.assert_close(layer(rows), torch.tensor([[-1.0, 1.0], [-1.0, 1.0]]), rtol=0, atol=1e-4)


def test_batch_uses_its_running_moments_in_evaluation() -> None:
    (batch,) = normalisation_layer("batch", 1)
    batch(torch.tensor([[0.0], [4.0]]))
    batch.eval()
    # momentum 0.1 from mean 0 and variance 1: mean 0.2, variance 0.9 + 0.1 * 8 (unbiased)
    expected = (2.0 - 0.2) / math.sqrt(1.7 + 1e-5)
    assert batch(torch.tensor([[2.0]])).item() == pytest.approx(expected, rel=1e-5)


def test_a_network_normalises_before_its_activation() -> None:
    torch.manual_seed(0)
    network = MLP(3, 1, [64], nn.ReLU, normalisation="batch")
    seen: list[torch.Tensor] = []
    activation = next(layer for layer in network.modules() if isinstance(layer, nn.ReLU))
    activation.register_forward_hook(lambda _, given, __: seen.append(given[0]))
    network(100 + 50 * torch.randn(256, 3))
    assert seen[0].shape == (256, 64)
    torch.testing.assert_close(seen[0].mean(dim=0), torch.zeros(64), rtol=0, atol=1e-3)
    torch.testing.assert_close(seen[0].std(dim=0, correction=0), torch.ones(64), rtol=0, atol=1e-3)


@pytest.mark.parametrize("name", CHOICES["model.normalisation"])
def test_each_name_that_may_be_given_is_known(name: str) -> None:
    assert all(isinstance(layer, nn.Module) for layer in normalisation_layer(name, 2))


def test_an_unknown_name_is_refused_with_the_choices() -> None:
    with pytest.raises(UserError, match=r"model.normalisation=group: one of none, batch, layer"):
        normalisation_layer("group", 2)
