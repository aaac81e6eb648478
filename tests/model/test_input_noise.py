"""Noise on scaled inputs: in training only, of the sd that was asked for, and the same in blocks of mini-batches."""

import torch
from torch import nn

import mlplab
from mlplab.model.layers import InputNoise
from mlplab.model.mlp import MLP
from mlplab.run.build import build


def test_noise_has_its_sd_in_training_and_is_gone_in_evaluation() -> None:
    torch.manual_seed(0)
    rows = torch.full((10_000, 2), 7.0)
    layer = InputNoise(0.5)
    drawn = layer(rows) - rows
    torch.testing.assert_close(drawn.std(dim=0), torch.full((2,), 0.5), rtol=0.03, atol=0)
    torch.testing.assert_close(drawn.mean(dim=0), torch.zeros(2), rtol=0, atol=0.02)
    assert not torch.equal(layer(rows), layer(rows)), "a new draw each pass"
    assert torch.equal(layer.eval()(rows), rows)


def test_it_acts_on_the_scaled_input_and_nothing_stands_there_without_it() -> None:
    torch.manual_seed(0)
    network = MLP(3, 1, [4], input_noise=0.1)
    network.scale.learn(1000 * torch.randn(50, 3))
    seen: list[torch.Tensor] = []
    first = next(layer for layer in network.modules() if isinstance(layer, nn.Linear))
    first.register_forward_hook(lambda _, given, __: seen.append(given[0]))
    rows = 1000 * torch.randn(4000, 3)
    network(rows)
    torch.testing.assert_close((seen[0] - network.scale(rows)).std(), torch.tensor(0.1), rtol=0.05, atol=0)
    assert not [layer for layer in MLP(3, 1, [4]).modules() if isinstance(layer, InputNoise)]


def test_the_key_reaches_the_network() -> None:
    lab = build(mlplab.configure("data=iris", "model.input_noise=0.3", "trainer.accelerator=cpu", "run_dir=unused"))
    assert [layer.sd for layer in lab.learner.modules() if isinstance(layer, InputNoise)] == [0.3]
