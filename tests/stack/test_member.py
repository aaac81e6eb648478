"""A member's rows, its best epoch, and what ends it."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from mlplab.errors import RunError
from mlplab.stack.member import Member
from mlplab.stack.train import assemble_members
from tests.stack.conftest import SMALL


@pytest.fixture
def member(configured: Callable[..., Any]) -> Member:
    early = ("callback=early_stopping", "callback.early_stopping.patience=2")
    made = assemble_members([configured(*SMALL, *early, "trainer.max_epochs=9")])[0]
    made.begin()
    made.add({"loss/val": 3.0, "loss/train": 3.0}, 0.0)
    made.standing.sanity_checking = False
    return made


def test_the_first_of_the_best_epochs_counts_and_patience_ends_it(member: Member) -> None:
    better = []
    for epoch, value in enumerate([2.0, 1.0, 1.0, 1.5]):
        member.standing.current_epoch = epoch
        member.add({"loss/train": 0.5, "loss/val": value}, 0.1)
        better.append(member.judge())
        member.take_mark()
    assert better == [True, True, False, False]
    assert member.best == (1.0, 2)
    assert member.standing.should_stop
    assert member.has_ended
    assert [row["epoch"] for row in member.rows] == [0, 1, 2, 3, 4]
    assert list(member.rows[1]) == ["epoch", "step", "seconds", "lr", "loss/train", "loss/val"]


def test_a_loss_that_is_no_number_is_no_row(member: Member) -> None:
    with pytest.raises(RunError, match="loss/val became nan at epoch 1"):
        member.add({"loss/val": float("nan"), "loss/train": 0.5}, 0.1)
    assert len(member.rows) == 1


def test_what_failed_is_told_by_step_and_place(member: Member) -> None:
    member.standing.global_step = 4
    member.failed(torch.tensor(float("inf")), (torch.full((2, 4), float("nan")), torch.zeros(2)))
    assert member.failure.startswith("the loss became inf at epoch 1, step 5, first in the features of the batch")
