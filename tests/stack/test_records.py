"""What is summed at the end of an epoch is what `Running` sums update by update."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from mlplab.stack.member import StackedStepMetrics
from mlplab.trainer.step_metrics import StepMetrics


def member() -> Any:
    running = StepMetrics(4)
    return SimpleNamespace(callback=lambda _: running, points=[], running=running)


def test_points_and_sums_are_those_of_the_callback() -> None:
    members, records = [member(), member()], StackedStepMetrics(4)
    losses = torch.arange(20.0).view(10, 2)
    for epoch in (losses[:5], losses[5:]):  # an epoch of 5 updates, a point every 4
        for loss in epoch:
            records.add(loss, loss + 1 if records.norm_is_due else None, [0.1, 0.2])
        records.hand_out(members)
    for place, one in enumerate(members):
        means = [losses[:4, place].mean(), losses[4:8, place].mean()]
        assert [(at, point["running/loss"]) for at, point, _ in one.points] == [(4, means[0]), (8, means[1])]
        assert one.points[1][1]["running/gradient_norm"] == losses[7, place] + 1
        assert one.points[0][1]["running/lr"] == pytest.approx([0.1, 0.2][place])
        assert one.running.state_dict() == {"sum": losses[8:, place].sum(), "count": 2, "updates": 10}


def test_members_that_have_gone_leave_the_records_of_the_others() -> None:
    records = StackedStepMetrics(1)
    records.add(torch.tensor([1.0, 2.0, 3.0]), torch.tensor([1.0, 2.0, 3.0]), [0.1, 0.2, 0.3])
    records.only(torch.tensor([2]))
    one = member()
    records.hand_out([one])
    assert one.points[0][1] == {"running/loss": 3.0, "running/lr": 0.3, "running/gradient_norm": 3.0}
