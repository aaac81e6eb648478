"""Maxout: the maximum of linear functions, by hand."""

import pytest
import torch
from torch import nn

from mlplab.model.maxout import Maxout, MaxoutLayer


def test_a_unit_is_the_maximum_of_its_linear_functions() -> None:
    torch.manual_seed(0)
    layer = MaxoutLayer(3, 4, pieces=5)
    features = torch.randn(6, 3)
    weight, bias = layer.linear.weight.tolist(), layer.linear.bias.tolist()
    expected = [
        [
            max(sum(w * x for w, x in zip(weight[p], row, strict=True)) + bias[p] for p in range(5 * u, 5 * u + 5))
            for u in range(4)
        ]
        for row in features.tolist()
    ]
    torch.testing.assert_close(layer(features), torch.tensor(expected))


def test_two_pieces_make_the_absolute_value() -> None:
    layer = MaxoutLayer(1, 1, pieces=2)
    with torch.no_grad():
        layer.linear.weight.copy_(torch.tensor([[1.0], [-1.0]]))
        layer.linear.bias.zero_()
    features = torch.tensor([[-3.0], [-0.5], [2.0]], requires_grad=True)
    output = layer(features)
    assert output.flatten().tolist() == [3.0, 0.5, 2.0]
    output.sum().backward()
    assert features.grad is not None
    assert features.grad.flatten().tolist() == [-1.0, -1.0, 1.0]


def test_one_piece_is_a_linear_network() -> None:
    torch.manual_seed(0)
    network = Maxout(3, 2, [8, 8], pieces=1).double()
    a, b = torch.randn(2, 5, 3, dtype=torch.float64)
    torch.testing.assert_close(network(a + b) + network(torch.zeros_like(a)), network(a) + network(b))


@pytest.mark.parametrize("pieces", [2, 3])
def test_each_hidden_layer_has_its_pieces_and_the_output_layer_none(pieces: int) -> None:
    network = Maxout(5, 2, [7, 6], pieces=pieces)
    linear = [layer for layer in network.modules() if isinstance(layer, nn.Linear)]
    sizes = [(layer.in_features, layer.out_features) for layer in linear]
    assert sizes == [(5, 7 * pieces), (7, 6 * pieces), (6, 2)]


def test_dropout_is_off_in_evaluation() -> None:
    torch.manual_seed(0)
    network = Maxout(3, 1, [32], dropout=0.5)
    features = torch.randn(4, 3)
    assert not torch.equal(network(features), network(features))
    network.eval()
    assert torch.equal(network(features), network(features))
