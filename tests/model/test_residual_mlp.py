"""ResidualMLP: a block and a whole network by hand."""

import torch
from torch import nn

from mlplab.model.residual_mlp import ResidualBlock, ResidualMLP


def set_linear(network: nn.Module, *layers: tuple[list[list[float]], list[float]]) -> None:
    """Set the weights, (in, out) for each layer."""
    linear = [layer for layer in network.modules() if isinstance(layer, nn.Linear)]
    with torch.no_grad():
        for layer, (weight, bias) in zip(linear, layers, strict=True):
            layer.weight.copy_(torch.tensor(weight).T)
            layer.bias.copy_(torch.tensor(bias))


INNER = ([[1.0, -1.0, 2.0], [0.5, 1.0, -1.0]], [0.0, 1.0, -1.0])
OUTER = ([[1.0, 0.0], [2.0, 1.0], [-1.0, 3.0]], [0.5, -0.5])


def test_a_block_adds_its_branch_to_its_input() -> None:
    block = ResidualBlock(2, 3, nn.ReLU, dropout=0.0, normalisation="none")
    set_linear(block, INNER, OUTER)
    # x = (2, 2): inner (3, 1, 1), relu the same; outer (3 + 2 - 1 + 0.5, 1 + 3 - 0.5) = (4.5, 3.5)
    # x = (-2, 0): inner (-2, 3, -5), relu (0, 3, 0); outer (6.5, 2.5)
    features = torch.tensor([[2.0, 2.0], [-2.0, 0.0]])
    torch.testing.assert_close(block(features), torch.tensor([[6.5, 5.5], [4.5, 2.5]]))


def test_the_normalisation_is_inside_the_branch() -> None:
    block = ResidualBlock(2, 3, nn.ReLU, dropout=0.0, normalisation="layer")
    set_linear(block, INNER, OUTER)
    # x = (10, 6) has mean 8 and standard deviation 2: the branch sees (1, -1): inner (0.5, -1, 2), relu (0.5, 0, 2);
    # outer (0.5 - 2 + 0.5, 6 - 0.5) = (-1, 5.5)
    expected = torch.tensor([[9.0, 11.5]])
    torch.testing.assert_close(block(torch.tensor([[10.0, 6.0]])), expected, rtol=1e-4, atol=1e-4)


def test_a_network_is_entry_blocks_activation_and_output_layer() -> None:
    network = ResidualMLP(1, 1, width=2, num_blocks=1, expansion=2, normalisation="none")
    entry = ([[1.0, -1.0]], [0.0, 1.0])
    inner = ([[1.0, 0.0, 1.0, 0.0], [0.0, 1.0, 1.0, -1.0]], [0.0, 0.0, -1.0, 0.0])
    outer = ([[1.0, 1.0], [0.0, -1.0], [2.0, 0.0], [0.0, 1.0]], [0.0, 0.5])
    set_linear(network, entry, inner, outer, ([[2.0], [10.0]], [-1.0]))
    # x = 3: entry (3, -2); inner (3, -2, 0, 2), relu (3, 0, 0, 2); outer (3, 3 + 2 + 0.5); block (6, 3.5)
    # relu the same; output 12 + 35 - 1
    torch.testing.assert_close(network(torch.tensor([[3.0]])), torch.tensor([[46.0]]))


def test_blocks_of_zero_weights_are_the_identity() -> None:
    torch.manual_seed(0)
    network = ResidualMLP(4, 2, width=8, num_blocks=5, activation=nn.Identity, normalisation="none").double()
    blocks = [block for block in network.modules() if isinstance(block, ResidualBlock)]
    assert len(blocks) == 5
    with torch.no_grad():
        for block in blocks:
            for parameter in block.parameters():
                parameter.zero_()
    entry, *_, output = [layer for layer in network.modules() if isinstance(layer, nn.Linear)]
    features = torch.randn(6, 4, dtype=torch.float64)
    torch.testing.assert_close(network(features), output(entry(features)))


def test_dropout_acts_on_the_branch_and_not_on_the_skip_connection() -> None:
    torch.manual_seed(0)
    block = ResidualBlock(4, 8, nn.ReLU, dropout=0.5, normalisation="none")
    features = torch.randn(500, 4)
    branch = block(features) - features
    # the last dropout puts half of the branch's entries to 0, there the input is unchanged
    assert 0.4 < float((branch == 0).float().mean()) < 0.6
    block.eval()
    assert torch.equal(block(features), block(features))
