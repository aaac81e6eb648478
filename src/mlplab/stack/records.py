"""What happened within an epoch of a stack, by update: losses, learning rates, norms of gradients."""

import time
from collections.abc import Sequence

import torch
from torch import Tensor

from mlplab.stack.member import Member
from mlplab.trainer.step_metrics import Running


class Records:
    """Adds to each member's `Running`, at the end of an epoch, what its hooks would have summed update by update."""

    def __init__(self, interval: int) -> None:
        self.interval = interval
        self.updates = 0
        self.losses: list[Tensor] = []
        self.norms: dict[int, tuple[Tensor, list[float], float]] = {}  # by update

    @property
    def norm_is_due(self) -> bool:
        return (self.updates + 1) % self.interval == 0

    def add(self, losses: Tensor, norm: Tensor | None, rates: Sequence[float]) -> None:
        self.updates += 1
        self.losses.append(losses)
        if norm is not None:
            self.norms[self.updates] = (norm, list(rates), time.time())

    def only(self, places: Tensor) -> None:
        self.losses = [one[places] for one in self.losses]
        picked = places.tolist()
        self.norms = {
            at: (norm[places], [rates[place] for place in picked], clock)
            for at, (norm, rates, clock) in self.norms.items()
        }

    def hand_out(self, members: Sequence[Member]) -> None:
        first = self.updates - len(self.losses)
        columns = torch.stack(self.losses).T.tolist() if self.losses else []
        norms = {at: norm.tolist() for at, (norm, _, _) in self.norms.items()}
        for place, (member, losses) in enumerate(zip(members, columns, strict=True)):
            running: Running = member.callback(Running)
            state = running.state_dict()
            total, count, done = state["sum"], state["count"], 0
            for at, (_, rates, clock) in self.norms.items():
                total += sum(losses[done : at - first])
                count += at - first - done
                point = {"running/loss": total / count, "running/lr": rates[place]}
                member.points.append((at, {**point, "running/gradient_norm": norms[at][place]}, clock))
                total, count, done = 0.0, 0, at - first
            total += sum(losses[done:])
            running.load_state_dict({"sum": total, "count": count + len(losses) - done, "updates": self.updates})
        self.losses, self.norms = [], {}
