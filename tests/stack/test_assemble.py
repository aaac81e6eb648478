"""A member is what `build` makes: the same starting weights, the same random numbers to come."""

from collections.abc import Callable
from typing import Any

import torch

from mlplab.build import build
from mlplab.stack.assemble import assemble
from tests.stack.conftest import SMALL


def test_members_start_as_their_single_runs_do_and_share_data_and_trainer(configured: Callable[..., Any]) -> None:
    words = [(*SMALL, "seed=1"), (*SMALL, "seed=2", "optimizer.lr=0.1")]
    members = assemble([configured(*one) for one in words])
    assert members[0].lab.splits is members[1].lab.splits
    assert members[0].lab.trainer is members[1].lab.trainer
    for member, one in zip(members, words, strict=True):
        lab = build(configured(*one))
        assert torch.equal(member.generator.get_state(), torch.get_rng_state())
        assert all(map(torch.equal, member.lab.learner.parameters(), lab.learner.parameters()))
        assert {type(callback) for callback in member.standing.callbacks} < {
            type(callback) for callback in lab.callbacks
        }
