"""A member's rows, its best epoch, and what ends it."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from mlplab.errors import RunError
from mlplab.stack.assemble import assemble_members
from mlplab.stack.member import Member
from tests.stack.conftest import SMALL


@pytest.fixture
def member(configured: Callable[..., Any]) -> Member:
    early = ("callback=early_stopping", "callback.early_stopping.patience=2")
    member = assemble_members([configured(*SMALL, *early, "trainer.max_epochs=9")])[0]
    member.set_up()
    member.add_row({"loss/val": 3.0, "loss/train": 3.0}, 0.0)
    member.trainer.sanity_checking = False
    return member


def test_the_first_of_equal_best_epochs_counts_and_patience_ends_the_run(member: Member) -> None:
    better = []
    for epoch, value in enumerate([2.0, 1.0, 1.0, 1.5]):
        member.trainer.current_epoch = epoch
        member.add_row({"loss/train": 0.5, "loss/val": value}, 0.1)
        better.append(member.evaluate_last_row())
        member.save_epoch_state()
    assert better == [True, True, False, False]
    assert member.best == (1.0, 2)
    assert member.trainer.should_stop
    assert member.has_ended
    assert [row["epoch"] for row in member.rows] == [0, 1, 2, 3, 4]
    assert list(member.rows[1]) == ["epoch", "step", "seconds", "lr", "loss/train", "loss/val"]


def test_a_loss_that_is_not_finite_adds_no_row(member: Member) -> None:
    with pytest.raises(RunError, match="loss/val became nan at epoch 1"):
        member.add_row({"loss/val": float("nan"), "loss/train": 0.5}, 0.1)
    assert len(member.rows) == 1


def test_a_failure_names_the_step_and_where_it_began(member: Member) -> None:
    member.trainer.global_step = 4
    member.fail(torch.tensor(float("inf")), (torch.full((2, 4), float("nan")), torch.zeros(2)))
    assert member.failure.startswith("the loss became inf at epoch 1, step 5, first in the features of the batch")


@pytest.mark.parametrize(
    ("scheduler", "interval"), [("step", "epoch"), ("one_cycle", "step"), ("plateau", "plateau"), (None, "")]
)
def test_a_scheduler_steps_per_update_per_epoch_or_by_a_score(
    scheduler: str | None, interval: str, configured: Callable[..., Any]
) -> None:
    chosen = (f"scheduler={scheduler}",) if scheduler else ()
    member = assemble_members([configured(*SMALL, *chosen)])[0]
    member.set_up()
    member.trainer.callback_metrics = {"loss/val": torch.tensor(1.0)}
    found = member.trainer.scheduler_config
    assert (found.interval if found else "") == interval
    for each in ("step", "epoch", "plateau"):
        before = found.scheduler.last_epoch if found else 0
        member.step_scheduler(each)
        assert (found.scheduler.last_epoch if found else 0) - before == (each == interval)
