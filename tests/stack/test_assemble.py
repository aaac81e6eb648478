"""A member is what `build` makes: the same starting weights, the same random numbers to come."""

from collections.abc import Callable
from typing import Any

import torch

from mlplab.run.build import build
from mlplab.stack.data import DatasetCache
from mlplab.stack.train import assemble_members
from tests.stack.conftest import SMALL


def test_members_start_as_their_single_runs_do_and_share_data_and_trainer(configured: Callable[..., Any]) -> None:
    words = [(*SMALL, "seed=1"), (*SMALL, "seed=2", "optimizer.lr=0.1")]
    members = assemble_members([configured(*one) for one in words])
    assert members[0].lab.splits is members[1].lab.splits
    assert members[0].lab.trainer is members[1].lab.trainer
    for member, one in zip(members, words, strict=True):
        lab = build(configured(*one))
        assert torch.equal(member.generator.get_state(), torch.get_rng_state())
        assert all(map(torch.equal, member.lab.learner.parameters(), lab.learner.parameters()))
        assert {type(callback) for callback in member.standing.callbacks} < {
            type(callback) for callback in lab.callbacks
        }


def test_members_of_a_fold_share_its_data_and_all_share_the_trainer(configured: Callable[..., Any]) -> None:
    words = [(*SMALL, "data.folds=3", f"data.fold={fold}", f"seed={seed}") for seed in (1, 2) for fold in (2, 0)]
    datasets = DatasetCache()
    members = assemble_members([configured(*one) for one in words], datasets)
    splits = [member.lab.splits for member in members]
    assert splits[0] is splits[2]
    assert splits[1] is splits[3]
    assert splits[0] is not splits[1]
    assert datasets.of(members[3].config) is splits[1]
    assert len({id(member.lab.trainer) for member in members}) == 1
    for member, one in zip(members, words, strict=True):
        lab = build(configured(*one))
        assert torch.equal(lab.splits.val.features, member.lab.splits.val.features)
        assert torch.equal(lab.learner.network.scale.shift, member.lab.learner.network.scale.shift)  # type: ignore[union-attr, arg-type]
        assert all(map(torch.equal, member.lab.learner.parameters(), lab.learner.parameters()))
        assert member.standing.val_dataloaders[0].part is member.lab.splits.val
