"""What is added at the end of an epoch is what the callback StepMetrics logs update by update."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from mlplab.stack.step_metrics import StackedStepMetrics
from mlplab.trainer.step_metrics import StepMetrics


def member() -> Any:
    callback = StepMetrics(4)
    return SimpleNamespace(callback=lambda _: callback, points=[], step_metrics=callback)


def test_points_and_sums_are_those_of_the_callback() -> None:
    members, step_metrics = [member(), member()], StackedStepMetrics(4)
    losses = torch.arange(20.0).view(10, 2)
    for epoch in (losses[:5], losses[5:]):  # an epoch of 5 updates, a point every 4
        for loss in epoch:
            step_metrics.add(loss, loss + 1 if step_metrics.needs_norm else None, [0.1, 0.2])
        step_metrics.end_epoch(members)
    for place, one in enumerate(members):
        means = [losses[:4, place].mean(), losses[4:8, place].mean()]
        assert [(point.step, point.values["running/loss"]) for point in one.points] == [(4, means[0]), (8, means[1])]
        assert one.points[1].values["running/gradient_norm"] == losses[7, place] + 1
        assert one.points[0].values["running/lr"] == pytest.approx([0.1, 0.2][place])
        assert one.step_metrics.state_dict() == {"sum": losses[8:, place].sum(), "count": 2, "updates": 10}


def test_members_that_are_removed_leave_the_points_of_the_others() -> None:
    step_metrics = StackedStepMetrics(1)
    step_metrics.add(torch.tensor([1.0, 2.0, 3.0]), torch.tensor([1.0, 2.0, 3.0]), [0.1, 0.2, 0.3])
    step_metrics.select([2])
    last = member()
    step_metrics.end_epoch([last])
    assert last.points[0].values == {"running/loss": 3.0, "running/lr": 0.3, "running/gradient_norm": 3.0}
