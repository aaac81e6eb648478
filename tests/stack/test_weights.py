"""The stacked parameters are those of the networks, with their gradients; a snapshot keeps and restores them."""

import torch

from mlplab.model.mlp import MLP
from mlplab.stack.weights import Snapshot, Weights, concatenate_snapshots


def networks(count: int) -> list[MLP]:
    return [MLP(3, 2, hidden_features=[4]) for _ in range(count)]


def snapshot(flat: torch.Tensor) -> Snapshot:
    return Snapshot(flat, {"body.1.running_mean": flat[:, :4]}, {"exp_avg": flat * 2}, flat[:, :1], steps=3)


def test_a_members_row_is_its_parameters_in_their_own_shapes() -> None:
    single = networks(3)
    weights = Weights(single)
    for row, network in zip(weights.flat, single, strict=True):
        for value, parameter in zip(weights.parameters_of(row), network.parameters(), strict=True):
            assert torch.equal(value, parameter)


def test_a_leaf_is_a_view_so_that_an_update_of_all_weights_changes_it() -> None:
    weights = Weights(networks(2))
    weights.flat.zero_()
    assert all(not leaf.any() for leaf in weights.leaves.values())


def test_every_parameter_has_its_gradient_in_its_own_columns() -> None:
    weights = Weights(networks(2))
    factors = {name: torch.randn_like(leaf) for name, leaf in weights.leaves.items()}
    loss = torch.stack([(leaf * factors[name]).sum() for name, leaf in weights.leaves.items()]).sum()
    expected = torch.cat([factor.flatten(1) for factor in factors.values()], dim=1)
    assert torch.equal(weights.concatenate(weights.gradients(loss)), expected)


def test_a_padded_leaf_has_zeros_and_follows_the_weights_and_its_gradient_has_its_own_columns_alone() -> None:
    weights = Weights(networks(2))
    name = "body.0.bias"
    current = weights.padded(name, 16)
    weights.flat.fill_(2.0)
    padded = current()
    assert padded[..., :4].eq(2).all()
    assert not padded[..., 4:].any()
    others = [leaf.sum() for key, leaf in weights.leaves.items() if key != name]
    gradients = dict(zip(weights.leaves, weights.gradients(3 * padded.sum() + sum(others)), strict=True))
    assert torch.equal(gradients[name], torch.full((2, 4), 3.0))


def test_a_clone_does_not_change_with_the_original() -> None:
    flat = torch.ones(2, 5)
    clone = snapshot(flat).clone()
    flat.zero_()
    assert clone.flat.all()
    assert clone.buffers["body.1.running_mean"].all()


def test_members_can_be_selected_and_concatenated() -> None:
    whole = snapshot(torch.arange(15.0).view(3, 5))
    some = whole.select([2, 0])
    assert some.flat[:, 0].tolist() == [10.0, 0.0]
    assert some.state["exp_avg"][:, 0].tolist() == [20.0, 0.0]
    again = concatenate_snapshots([whole.select([0]), whole.select([1, 2])])
    assert torch.equal(again.flat, whole.flat)
    assert torch.equal(again.state["exp_avg"], whole.state["exp_avg"])
    assert torch.equal(again.buffers["body.1.running_mean"], whole.buffers["body.1.running_mean"])
    assert again.steps == 3


def test_weights_are_copied_for_the_selected_members_alone() -> None:
    best, now = snapshot(torch.zeros(3, 5)), snapshot(torch.ones(3, 5))
    best.copy_weights([1], now)
    assert best.flat.sum(dim=1).tolist() == [0.0, 5.0, 0.0]


def test_a_snapshot_of_one_member_loads_weights_and_normalisation_statistics_into_its_network() -> None:
    source, network = (MLP(3, 2, hidden_features=[4], normalisation="batch") for _ in range(2))
    weights = Weights([source])
    one = Snapshot(weights.flat, {"body.1.running_mean": torch.full((1, 4), 7.0)}, {}, weights.flat, 0)
    one.load_into(network, weights)
    assert network.get_buffer("body.1.running_mean").tolist() == [7.0] * 4
    assert all(map(torch.equal, source.parameters(), network.parameters()))
