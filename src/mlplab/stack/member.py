"""One member of a stack: the objects of its single run except the Trainer, and its results so far."""

import time
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import torch
from lightning.pytorch.callbacks import EarlyStopping
from torch import Generator, Tensor
from torch.optim.lr_scheduler import ReduceLROnPlateau

from mlplab.analysis.layer_statistics import Layer
from mlplab.data.splits import Splits
from mlplab.errors import RunError
from mlplab.run.build import Components
from mlplab.stack.trainer_stand_in import SchedulerConfig, TrainerStandIn
from mlplab.stack.weights import Snapshot
from mlplab.trainer.checkpoint import ResumeState
from mlplab.trainer.history_file import Row, is_better
from mlplab.trainer.nan_guard import NaNGuard
from mlplab.trainer.step_metrics import StepMetrics
from mlplab.trainer.torch_internals import mark_as_stepped


class StepPoint(NamedTuple):
    """A point that StepMetrics logs within an epoch. time: seconds since 1970, as TensorBoard stores it."""

    step: int
    values: Row
    time: float


class BestEpoch(NamedTuple):
    """epoch: counted from 1."""

    value: float
    epoch: int


@dataclass
class EpochState:
    """What last.ckpt needs of a member after an epoch beside its weights; taken before ReduceLROnPlateau steps."""

    epoch: int
    lr: list[float]
    scheduler: dict[str, Any]
    random: Tensor
    step_metrics: dict[str, Any]


@dataclass
class Member:
    """index: of the job among those of its stack. fold: index of its data in the DatasetCache.

    initial_layers: layer statistics before the first update. rows, row_times: the history, and the time of each row.
    """

    index: int
    fold: int
    components: Components
    trainer: TrainerStandIn
    generator: Generator
    initial_layers: list[Layer] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    row_times: list[float] = field(default_factory=list)
    points: list[StepPoint] = field(default_factory=list)
    best: BestEpoch | None = None
    epoch_state: EpochState | None = None
    failure: str = ""

    @property
    def has_ended(self) -> bool:
        """Whether training is complete, rather than interrupted within an epoch."""
        complete = len(self.rows) - 1 == self.trainer.max_epochs
        return self.epoch_state is not None and (complete or self.trainer.should_stop)

    @property
    def learner(self) -> Any:
        return self.components.learner

    @property
    def splits(self) -> Splits:
        return self.components.splits

    @property
    def folder(self) -> Path:
        return self.components.settings.folder

    @property
    def optimizer(self) -> Any:
        return self.trainer.optimizers[0]

    @property
    def lr(self) -> float:
        return float(self.optimizer.param_groups[0]["lr"])

    def callback(self, kind: type) -> Any:
        return next((callback for callback in self.trainer.callbacks if isinstance(callback, kind)), None)

    def set_up(self) -> None:
        """Does what Lightning does before the first epoch."""
        self.learner.trainer = self.trainer
        configured = self.learner.configure_optimizers()
        if isinstance(configured, dict):
            mark_as_stepped(configured["optimizer"])
            self.trainer.optimizers = [configured["optimizer"]]
            chosen = configured["lr_scheduler"]
            plateau = {"interval": "plateau"} if isinstance(chosen["scheduler"], ReduceLROnPlateau) else {}
            self.trainer.scheduler_config = SchedulerConfig(**chosen | plateau)
        else:
            self.trainer.optimizers = [configured]
        if (early_stopping := self.callback(EarlyStopping)) is not None:
            early_stopping.setup(self.trainer, self.learner, "fit")
        self.callback(ResumeState).on_train_start(self.trainer, self.learner)

    def add_row(self, scores: Row, seconds: float) -> None:
        """Adds a row to the history. scores: in its order. Raises RunError where a loss is not finite."""
        self.learner.scores = scores
        self.callback(NaNGuard).on_validation_end(self.trainer, self.learner)
        self.row_times.append(time.time())
        row = {"epoch": len(self.rows), "step": self.trainer.global_step, "seconds": round(seconds, 3)}
        self.rows.append(row | {"lr": self.lr} | scores)

    def evaluate_last_row(self) -> bool:
        """Returns whether the last row is the best so far, and lets early stopping decide."""
        monitor = self.learner.monitor
        value = self.rows[-1][monitor]
        better = self.best is None or is_better(value, self.best.value, self.learner.mode)
        if better:
            self.best = BestEpoch(value, len(self.rows) - 1)
        self.trainer.callback_metrics = {monitor: torch.tensor(value)}
        if (early_stopping := self.callback(EarlyStopping)) is not None:
            early_stopping.on_train_epoch_end(self.trainer, self.learner)
        return better

    def step_scheduler(self, interval: str) -> None:
        """Steps the scheduler if this is its interval."""
        found = self.trainer.scheduler_config
        if found and found.interval == interval:
            found.scheduler.step(*([self.trainer.callback_metrics[found.monitor]] if interval == "plateau" else []))

    def save_epoch_state(self) -> None:
        found = self.trainer.scheduler_config
        self.epoch_state = EpochState(
            epoch=self.trainer.current_epoch,
            lr=[group["lr"] for group in self.optimizer.param_groups],
            scheduler=deepcopy(found.scheduler.state_dict()) if found else {},
            random=self.generator.get_state(),
            step_metrics=self.callback(StepMetrics).state_dict(),
        )

    def fail(self, loss: Tensor, batch: Any) -> None:
        """Records why the loss of this update is not finite; the learner has the weights before the update."""
        guard = self.callback(NaNGuard)
        guard.on_train_batch_start(self.trainer, self.learner, batch, 0)
        try:
            guard.on_before_backward(self.trainer, self.learner, loss)
        except RunError as error:
            self.failure = str(error)


class MemberState(NamedTuple):
    """A member with snapshots of it alone. last: after its last complete epoch. best: its best weights."""

    member: Member
    last: Snapshot
    best: Snapshot
