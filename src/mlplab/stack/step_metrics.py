"""Collects, for all members at once, what the callback StepMetrics logs within an epoch."""

import time
from collections.abc import Sequence

import torch
from torch import Tensor

from mlplab.stack.member import Member, StepPoint
from mlplab.trainer.step_metrics import StepMetrics


class StackedStepMetrics:
    """Collects the updates of an epoch, then adds to each member's points and to its StepMetrics.

    interval: updates between two points.
    """

    def __init__(self, interval: int) -> None:
        self.interval = interval
        self.updates = 0
        self._losses: list[Tensor] = []
        # gradient norms (K,), learning rates of the members, seconds since 1970; by update
        self._points: dict[int, tuple[Tensor, list[float], float]] = {}

    @property
    def needs_norm(self) -> bool:
        """Whether the next update is a point, which has a gradient norm."""
        return (self.updates + 1) % self.interval == 0

    def add(self, losses: Tensor, norms: Tensor | None, rates: Sequence[float]) -> None:
        """losses, norms: (K,). norms: None between points."""
        self.updates += 1
        self._losses.append(losses)
        if norms is not None:
            self._points[self.updates] = (norms, list(rates), time.time())

    def select(self, indices: Sequence[int]) -> None:
        """Keeps the members at these indices."""
        index = torch.tensor(indices, dtype=torch.long)
        self._losses = [losses[index] for losses in self._losses]
        self._points = {
            update: (norms[index], [rates[place] for place in indices], moment)
            for update, (norms, rates, moment) in self._points.items()
        }

    def end_epoch(self, members: Sequence[Member]) -> None:
        """Gives each member what its StepMetrics would have after these updates."""
        first = self.updates - len(self._losses)
        columns = torch.stack(self._losses).T.tolist() if self._losses else []
        points = [(update, norms.tolist(), rates, moment) for update, (norms, rates, moment) in self._points.items()]
        for place, (member, losses) in enumerate(zip(members, columns, strict=True)):
            callback: StepMetrics = member.callback(StepMetrics)
            state = callback.state_dict()
            total, count, done = state["sum"], state["count"], 0
            for update, norms, rates, moment in points:
                total += sum(losses[done : update - first])
                count += update - first - done
                values = {"running/loss": total / count, "running/lr": rates[place]}
                values["running/gradient_norm"] = norms[place]
                member.points.append(StepPoint(update, values, moment))
                total, count, done = 0.0, 0, update - first
            total += sum(losses[done:])
            callback.load_state_dict({"sum": total, "count": count + len(losses) - done, "updates": self.updates})
        self._losses, self._points = [], {}
