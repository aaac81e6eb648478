"""The numbers of one moment stay as they were, and can be put back."""

from pathlib import Path

import torch

from mlplab.model.mlp import MLP
from mlplab.stack.weights import Snapshot, Weights, load_member


def snapshot(flat: torch.Tensor) -> Snapshot:
    return Snapshot(flat, {"body.1.running_mean": flat[:, :4]}, {"exp_avg": flat * 2}, flat[:, :1], steps=3)


def test_a_copy_stays_as_it_was() -> None:
    flat = torch.ones(2, 5)
    held = snapshot(flat).copied()
    flat.zero_()
    assert held.flat.all()
    assert held.buffers["body.1.running_mean"].all()


def test_of_some_members_alone() -> None:
    held = snapshot(torch.arange(15.0).view(3, 5)).only([2, 0])
    assert held.flat[:, 0].tolist() == [10.0, 0.0]
    assert held.state["exp_avg"][:, 0].tolist() == [20.0, 0.0]


def test_the_best_weights_are_taken_for_those_whose_epoch_was_best() -> None:
    best, now = snapshot(torch.zeros(3, 5)), snapshot(torch.ones(3, 5))
    best.take_weights([1], now)
    assert best.flat.sum(dim=1).tolist() == [0.0, 5.0, 0.0]


def test_put_writes_weights_and_what_normalisation_has_counted(tmp_path: Path) -> None:
    source, network = (MLP(3, 2, hidden_features=[4], normalisation="batch") for _ in range(2))
    weights = Weights([source])
    load_member(
        Snapshot(weights.flat, {"body.1.running_mean": torch.full((1, 4), 7.0)}, {}, weights.flat, 0), weights, network
    )
    assert network.get_buffer("body.1.running_mean").tolist() == [7.0] * 4
    assert all(map(torch.equal, source.parameters(), network.parameters()))
