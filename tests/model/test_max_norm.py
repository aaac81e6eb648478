"""The bound on a unit's incoming weights."""

import pytest
import torch
from torch import nn

from mlplab.model.layers import MaxNormLinear
from mlplab.model.mlp import MLP


def test_long_weights_are_scaled_down_and_short_ones_are_left() -> None:
    layer = MaxNormLinear(2, 2, max_norm=1.0)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[3.0, 4.0], [0.3, 0.4]]))
        layer.bias.copy_(torch.tensor([7.0, -7.0]))
    # (3, 4) of length 5 becomes (0.6, 0.8); the bias is not a weight
    torch.testing.assert_close(layer(torch.tensor([[1.0, 1.0]])), torch.tensor([[8.4, -6.3]]))
    torch.testing.assert_close(layer.weight, nn.Parameter(torch.tensor([[0.6, 0.8], [0.3, 0.4]])))


def test_hidden_units_of_a_network_stay_bounded_while_it_trains() -> None:
    torch.manual_seed(0)
    network = MLP(6, 2, [16, 8], max_norm=0.5)
    optimizer = torch.optim.SGD(network.parameters(), lr=10.0)
    features, target = torch.randn(32, 6), torch.randn(32, 2)
    *hidden, output = [layer for layer in network.modules() if isinstance(layer, nn.Linear)]
    longest_before_a_pass, longest_after = 0.0, 0.0
    for _ in range(5):
        loss = nn.functional.l1_loss(network(features), 10 * target)
        longest_after = max(longest_after, *(layer.weight.norm(dim=1).max().item() for layer in hidden))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        longest_before_a_pass = max(longest_before_a_pass, *(layer.weight.norm(dim=1).max().item() for layer in hidden))
    assert longest_before_a_pass > 0.6
    assert longest_after == pytest.approx(0.5, rel=1e-5)
    with torch.no_grad():
        output.weight.fill_(9.0)
        network(features)
    assert output.weight.unique().tolist() == [9.0]


def test_the_gradient_is_that_of_the_shortened_weights() -> None:
    layer = MaxNormLinear(2, 1, max_norm=1.0)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[3.0, 4.0]]))
    features = torch.tensor([[2.0, -5.0]], requires_grad=True)
    layer(features).sum().backward()
    torch.testing.assert_close(features.grad, torch.tensor([[0.6, 0.8]]))
    assert layer.weight.grad is not None
    assert layer.weight.grad.tolist() == [[2.0, -5.0]]
