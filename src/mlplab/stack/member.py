"""One member of a stack: a run as `build` makes it, but for the Trainer, and what it has come to."""

import math
import time
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import torch
from lightning.pytorch.callbacks import EarlyStopping
from omegaconf import DictConfig
from torch import Generator, Tensor
from torch.optim.lr_scheduler import ReduceLROnPlateau

from mlplab.analysis.layer_statistics import Layer
from mlplab.errors import Failure
from mlplab.run.build import Lab
from mlplab.stack.standing import Standing
from mlplab.trainer.checkpoint import Continuation
from mlplab.trainer.nan_guard import FiniteGuard
from mlplab.trainer.step_metrics import Running

Row = dict[str, float]


@dataclass
class Mark:
    """All that last.ckpt needs of a member after an epoch, beside its weights: taken before a plateau's step."""

    epoch: int
    lr: list[float]
    plan: dict[str, Any]
    random: Tensor
    running: dict[str, Any]


@dataclass
class Member:
    """lab: its own. start: its layers before the first update. clocks: the time of each row.

    points: what `Running` would have logged, with the step and the time. best: value and epoch, counted from 1.
    """

    config: DictConfig
    lab: Lab
    standing: Standing
    generator: Generator
    start: list[Layer] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    clocks: list[float] = field(default_factory=list)
    points: list[tuple[int, Row, float]] = field(default_factory=list)
    best: tuple[float, int] | None = None
    mark: Mark | None = None
    failure: str = ""

    def callback(self, kind: type) -> Any:
        return next((one for one in self.standing.callbacks if isinstance(one, kind)), None)

    @property
    def has_ended(self) -> bool:
        """After its last epoch, not within one that something stopped."""
        over = len(self.rows) - 1 == self.config.trainer.max_epochs
        return self.mark is not None and (over or self.standing.should_stop)

    @property
    def optimizer(self) -> Any:
        return self.standing.optimizers[0]

    @property
    def rate(self) -> float:
        return float(self.optimizer.param_groups[0]["lr"])

    def begin(self) -> None:
        """As Lightning does before the first epoch."""
        learner: Any = self.lab.learner
        learner.trainer = self.standing
        made = learner.configure_optimizers()
        if isinstance(made, dict):
            made["optimizer"]._opt_called = True  # torch looks at it before a scheduler's first step
            self.standing.optimizers = [made["optimizer"]]
            self.standing.plan = made["lr_scheduler"]
        else:
            self.standing.optimizers = [made]
        for one in self.standing.callbacks:
            if isinstance(one, EarlyStopping):
                one.setup(self.standing, learner, "fit")  # type: ignore[arg-type]
            elif isinstance(one, Continuation):
                one.on_train_start(self.standing, learner)  # type: ignore[arg-type]

    def add(self, scores: Row, seconds: float) -> None:
        """A row of the history. scores: in its order. Raises Failure where a loss is no number."""
        if not math.isfinite(scores["loss/train"] + scores["loss/val"]):
            self.lab.learner.scores = scores
            self.callback(FiniteGuard).on_validation_end(self.standing, self.lab.learner)
        self.clocks.append(time.time())
        row = {"epoch": len(self.rows), "step": self.standing.global_step, "seconds": round(seconds, 3)}
        self.rows.append(row | {"lr": self.rate} | scores)

    def judge(self) -> bool:
        """Whether the epoch of the last row is the best so far."""
        checkpoints, value = self.lab.checkpoints, self.rows[-1][self.lab.checkpoints.monitor]
        better = self.best is None or (value < self.best[0] if checkpoints.mode == "min" else value > self.best[0])
        if better:
            self.best = (value, len(self.rows) - 1)
        self.standing.callback_metrics = {checkpoints.monitor: torch.tensor(value)}
        if (early := self.callback(EarlyStopping)) is not None:
            early.on_train_epoch_end(self.standing, self.lab.learner)
        return better

    def plan_of(self, interval: str) -> Any:
        """The scheduler that goes on by `step` or by `epoch`; a plateau's does neither."""
        plan = self.standing.plan
        due = bool(plan) and plan["interval"] == interval and not isinstance(plan["scheduler"], ReduceLROnPlateau)
        return plan["scheduler"] if due else None

    def step_plan(self, interval: str) -> None:
        if (scheduler := self.plan_of(interval)) is not None:
            scheduler.step()

    def step_plateau(self) -> None:
        plan = self.standing.plan
        if plan and isinstance(plan["scheduler"], ReduceLROnPlateau):
            plan["scheduler"].step(self.standing.callback_metrics[plan["monitor"]])

    def take_mark(self) -> None:
        plan = self.standing.plan
        self.mark = Mark(
            epoch=self.standing.current_epoch,
            lr=[group["lr"] for group in self.optimizer.param_groups],
            plan=deepcopy(plan["scheduler"].state_dict()) if plan else {},
            random=self.generator.get_state(),
            running=self.callback(Running).state_dict(),
        )

    def failed(self, loss: Tensor, batch: Any) -> None:
        """The loss of the update at hand is no number; the learner holds the weights before it."""
        guard = self.callback(FiniteGuard)
        guard.on_train_batch_start(self.standing, self.lab.learner, batch, 0)
        try:
            guard.on_before_backward(self.standing, self.lab.learner, loss)
        except Failure as error:
            self.failure = str(error)
