"""A member is what `build` makes: the same initial weights, the same random numbers; memory limits how many."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

import mlplab
from mlplab.run.build import build, build_learner, build_splits
from mlplab.stack import assemble
from mlplab.stack.assemble import assemble_members
from mlplab.stack.data import DatasetCache
from tests.stack.conftest import SMALL


def test_members_start_as_their_single_runs_and_share_data_and_trainer(configured: Callable[..., Any]) -> None:
    overrides = [(*SMALL, "seed=1"), (*SMALL, "seed=2", "optimizer.lr=0.1")]
    members = assemble_members([configured(*own) for own in overrides])
    assert [member.index for member in members] == [0, 1]
    assert members[0].splits is members[1].splits
    assert members[0].components.trainer is members[1].components.trainer
    for member, own in zip(members, overrides, strict=True):
        lab = build(configured(*own))
        assert torch.equal(member.generator.get_state(), torch.get_rng_state())
        assert all(map(torch.equal, member.learner.parameters(), lab.learner.parameters()))
        assert {type(callback) for callback in member.trainer.callbacks} < {
            type(callback) for callback in lab.callbacks
        }


def test_members_of_a_fold_share_its_data_and_all_share_the_trainer(configured: Callable[..., Any]) -> None:
    overrides = [(*SMALL, "data.folds=3", f"data.fold={fold}", f"seed={seed}") for seed in (1, 2) for fold in (2, 0)]
    datasets = DatasetCache()
    configs = [configured(*own) for own in overrides]
    members = assemble_members(configs, datasets)
    splits = [member.splits for member in members]
    assert [member.fold for member in members] == [0, 1, 0, 1]
    assert splits[0] is splits[2]
    assert splits[1] is splits[3]
    assert splits[0] is not splits[1]
    assert datasets.fold(configs[3]).splits is splits[1]
    assert len({id(member.components.trainer) for member in members}) == 1
    for member, own in zip(members, overrides, strict=True):
        lab = build(configured(*own))
        assert torch.equal(lab.splits.val.features, member.splits.val.features)
        expected: Any = lab.learner.network.scale
        scale: Any = member.learner.network.scale
        assert torch.equal(expected.shift, scale.shift)
        assert all(map(torch.equal, member.learner.parameters(), lab.learner.parameters()))
        assert member.trainer.val_dataloaders[0].part is member.splits.val


def test_a_part_of_the_jobs_keeps_their_indices(configured: Callable[..., Any]) -> None:
    configs = [configured(*SMALL, f"seed={seed}") for seed in range(4)]
    members = assemble_members(configs, indices=[1, 3])
    assert [(member.index, member.components.settings.seed) for member in members] == [(1, 1), (3, 3)]


def test_more_memory_takes_more_members_and_a_wider_net_takes_fewer(monkeypatch: pytest.MonkeyPatch) -> None:
    config = mlplab.configure("data=iris", "model.hidden_features=[64]")
    splits = build_splits(config)
    learner = build_learner(config, splits)
    monkeypatch.setattr(assemble, "available_memory", lambda: 10_000_000)
    few = assemble.max_members(learner, splits, 32)
    wide = build_learner(mlplab.configure("data=iris", "model.hidden_features=[256]"), splits)
    assert 1 <= assemble.max_members(wide, splits, 32) < few
    monkeypatch.setattr(assemble, "available_memory", lambda: 20_000_000)
    assert assemble.max_members(learner, splits, 32) == pytest.approx(2 * few, rel=0.05)
    monkeypatch.setattr(assemble, "available_memory", lambda: 0)
    assert assemble.max_members(learner, splits, 32) == 1


def test_each_fold_needs_memory_for_its_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    config = mlplab.configure("data=digits")
    splits = build_splits(config)
    learner = build_learner(config, splits)
    monkeypatch.setattr(assemble, "available_memory", lambda: 2_000_000_000)
    one, hundred = (assemble.max_members(learner, splits, 32, folds) for folds in (1, 101))
    raw = 1797 * 64 * 4  # all rows, once more per fold
    scaled = 64 * 4 * (1079 + 359 + 359)  # train, val, the measured slice
    assert (one - hundred) / one * 1_000_000_000 == pytest.approx(100 * (raw + scaled), rel=0.05)


def test_free_memory_is_less_than_all_memory() -> None:
    assert 2**20 < assemble.available_memory() < 2**50


def test_half_of_all_memory_is_taken_for_free_where_the_system_does_not_say(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: Any) -> Any:
        raise FileNotFoundError

    monkeypatch.setattr("builtins.open", missing)
    assert 2**20 < assemble.available_memory() < 2**50
