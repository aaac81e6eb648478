"""One member of a stack: a run as `build` makes it, but for the Trainer, and what it has come to."""

import math
import time
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import lightning
import torch
from lightning import Callback, Trainer
from lightning.pytorch.callbacks import EarlyStopping
from lightning.pytorch.trainer.states import TrainerFn
from omegaconf import DictConfig
from torch import Generator, Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import ReduceLROnPlateau

from mlplab.analysis.layer_statistics import Layer
from mlplab.errors import RunError
from mlplab.learner.learner import Learner
from mlplab.run.build import Components
from mlplab.stack.weights import Snapshot
from mlplab.trainer.checkpoint import DurableCheckpointIO, ResumeState
from mlplab.trainer.nan_guard import NaNGuard
from mlplab.trainer.step_metrics import StepMetrics

Row = dict[str, float]


@dataclass
class EpochState:
    """All that last.ckpt needs of a member after an epoch, beside its weights: taken before a plateau's step."""

    epoch: int
    lr: list[float]
    plan: dict[str, Any]
    random: Tensor
    running: dict[str, Any]


class TrainerStandIn:
    """At the end of an epoch. shared: a Trainer for all members, which trains none."""

    fast_dev_run = False
    val_check_interval = 1.0
    check_val_every_n_epoch = 1
    accumulate_grad_batches = 1
    is_last_batch = True

    def __init__(
        self, shared: Trainer, learner: Learner, callbacks: list[Callback], batches: Any, updates: int, measured: Any
    ) -> None:
        """batches: of an epoch, as Lightning is given them. updates: of an epoch. measured: validation loaders."""
        self.shared = shared
        self.learner = learner
        self.callbacks = callbacks
        self.train_dataloader = batches
        self.updates = updates
        self.val_dataloaders = measured
        self.max_epochs = shared.max_epochs
        self.strategy = shared.strategy
        self.state = SimpleNamespace(fn=TrainerFn.FITTING)
        self.sanity_checking = True  # epoch 0 is measured so
        self.current_epoch = 0
        self.global_step = 0
        self.should_stop = False
        self.callback_metrics: dict[str, Tensor] = {}
        self.optimizers: list[Optimizer] = []
        self.plan: Plan = {}
        self.plan_state: dict[str, Any] = {}

    @property
    def estimated_stepping_batches(self) -> int:
        return int(self.max_epochs or 0) * self.updates

    @property
    def early_stopping_callbacks(self) -> list[Any]:
        return [one for one in self.callbacks if hasattr(one, "stopped_epoch")]

    def save_checkpoint(self, path: Path, weights_only: bool = False) -> None:
        DurableCheckpointIO().save_checkpoint(self.checkpoint(), path)

    def checkpoint(self) -> dict[str, Any]:
        """As Lightning's `dump_checkpoint` makes it."""
        states = {one.state_key: one.state_dict() for one in self.callbacks}
        return {
            "epoch": self.current_epoch,
            "global_step": self.global_step,
            "pytorch-lightning_version": lightning.__version__,
            "state_dict": self.learner.state_dict(),
            "loops": self._loops(),
            "callbacks": {name: state for name, state in states.items() if state},
            "optimizer_states": [one.state_dict() for one in self.optimizers],
            "lr_schedulers": [self.plan_state] if self.plan else [],
            "hyper_parameters": dict(self.learner.hparams),
        }

    def _loops(self) -> dict[str, Any]:
        """The counts of Lightning's loops."""
        names = ("fit_loop", "validate_loop", "test_loop", "predict_loop")
        loops = {name: getattr(self.shared, name).state_dict() for name in names}
        fit, epochs, batches = loops["fit_loop"], self.current_epoch + 1, len(self.train_dataloader)
        fit["state_dict"] = {"combined_loader": [self.train_dataloader.state_dict()]}
        fit["epoch_loop.state_dict"] = {"_batches_that_stepped": epochs * batches}
        _count(fit["epoch_loop.batch_progress"], epochs * batches, batches)
        fit["epoch_loop.batch_progress"]["is_last_batch"] = True
        optimizer = fit["epoch_loop.automatic_optimization.optim_progress"]["optimizer"]
        _count(optimizer["step"], epochs * self.updates, self.updates)
        _count(optimizer["zero_grad"], epochs * batches, batches)
        if self.plan:
            _count(fit["epoch_loop.scheduler_progress"], *self._planned(epochs, batches))
        _count(fit["epoch_loop.val_loop.batch_progress"], 2, 2)
        fit["epoch_loop.val_loop.batch_progress"]["is_last_batch"] = True
        _count(fit["epoch_progress"], epochs, epochs)
        for when in ("total", "current"):
            fit["epoch_progress"][when]["completed"] = epochs - 1
        return loops

    def _planned(self, epochs: int, batches: int) -> tuple[int, int]:
        """Steps of the scheduler so far, and in this epoch; a plateau's comes after the checkpoint."""
        if isinstance(self.plan["scheduler"], ReduceLROnPlateau):
            return epochs - 1, 0
        return (epochs * batches, batches) if self.plan["interval"] == "step" else (epochs, 1)


@dataclass
class Member:
    """lab: its own. start: its layers before the first update. clocks: the time of each row.

    points: what `Running` would have logged, with the step and the time. best: value and epoch, counted from 1.
    """

    config: DictConfig
    lab: Components
    standing: TrainerStandIn
    generator: Generator
    start: list[Layer] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    clocks: list[float] = field(default_factory=list)
    points: list[tuple[int, Row, float]] = field(default_factory=list)
    best: tuple[float, int] | None = None
    mark: EpochState | None = None
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
            elif isinstance(one, ResumeState):
                one.on_train_start(self.standing, learner)

    def add(self, scores: Row, seconds: float) -> None:
        """A row of the history. scores: in its order. Raises Failure where a loss is no number."""
        if not math.isfinite(scores["loss/train"] + scores["loss/val"]):
            self.lab.learner.scores = scores
            self.callback(NaNGuard).on_validation_end(self.standing, self.lab.learner)
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
        self.mark = EpochState(
            epoch=self.standing.current_epoch,
            lr=[group["lr"] for group in self.optimizer.param_groups],
            plan=deepcopy(plan["scheduler"].state_dict()) if plan else {},
            random=self.generator.get_state(),
            running=self.callback(StepMetrics).state_dict(),
        )

    def failed(self, loss: Tensor, batch: Any) -> None:
        """The loss of the update at hand is no number; the learner holds the weights before it."""
        guard = self.callback(NaNGuard)
        guard.on_train_batch_start(self.standing, self.lab.learner, batch, 0)
        try:
            guard.on_before_backward(self.standing, self.lab.learner, loss)
        except RunError as error:
            self.failure = str(error)


Of = tuple[Member, Snapshot, Snapshot]


class StackedStepMetrics:
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
            running: StepMetrics = member.callback(StepMetrics)
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


Plan = dict[str, Any]  # of a scheduler, as `configure_optimizers` gives it


def _count(progress: dict[str, Any], total: int, current: int) -> None:
    for when, value in (("total", total), ("current", current)):
        progress[when] = dict.fromkeys(progress[when], value)
