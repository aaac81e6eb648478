"""The part of a Lightning Trainer that the callbacks and the learner of a member read; it trains nothing."""

from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import lightning
from lightning.pytorch.trainer.states import TrainerFn
from torch import Tensor
from torch.optim import Optimizer

from mlplab.run.build import Components
from mlplab.trainer.checkpoint import DurableCheckpointIO
from mlplab.trainer.interrupt import GracefulStop
from mlplab.trainer.progress import ProgressLine

NEEDS_LIGHTNING = (ProgressLine, GracefulStop)  # callbacks that read a Trainer that trains


@dataclass(frozen=True)
class SchedulerConfig:
    """The `lr_scheduler` entry of what a learner's `configure_optimizers` returns.

    interval: `step`, `epoch`, or `plateau` for one that steps after an epoch by its score.
    """

    scheduler: Any
    interval: str
    monitor: str


class TrainerStandIn:
    """The state of a Trainer at the end of an epoch, with the names of Lightning's attributes.

    train_loader: as Lightning gets it. updates: per epoch. The Trainer of the components trains nothing.
    """

    fast_dev_run = False
    val_check_interval = 1.0
    check_val_every_n_epoch = 1
    accumulate_grad_batches = 1
    is_last_batch = True

    def __init__(self, components: Components, train_loader: Any, updates: int) -> None:
        self.lightning = components.trainer
        self.learner = components.learner
        self.callbacks = [callback for callback in components.callbacks if not isinstance(callback, NEEDS_LIGHTNING)]
        self.train_dataloader = train_loader
        self.updates = updates
        self.val_dataloaders = components.batches.val_dataloader()
        self.max_epochs = self.lightning.max_epochs
        self.strategy = self.lightning.strategy
        self.state = SimpleNamespace(fn=TrainerFn.FITTING)
        self.sanity_checking = True  # as Lightning measures epoch 0
        self.current_epoch = 0
        self.global_step = 0
        self.should_stop = False
        self.callback_metrics: dict[str, Tensor] = {}
        self.optimizers: list[Optimizer] = []
        self.scheduler_config: SchedulerConfig | None = None
        self.scheduler_state: dict[str, Any] = {}

    @property
    def estimated_stepping_batches(self) -> int:
        return int(self.max_epochs or 0) * self.updates

    def save_checkpoint(self, filepath: Path, weights_only: bool = False) -> None:
        DurableCheckpointIO().save_checkpoint(self.dump_checkpoint(), filepath)

    def dump_checkpoint(self) -> dict[str, Any]:
        """Returns what Lightning's `dump_checkpoint` returns."""
        states = {callback.state_key: callback.state_dict() for callback in self.callbacks}
        return {
            "epoch": self.current_epoch,
            "global_step": self.global_step,
            "pytorch-lightning_version": lightning.__version__,
            "state_dict": self.learner.state_dict(),
            "loops": self._loops(),
            "callbacks": {name: state for name, state in states.items() if state},
            "optimizer_states": [optimizer.state_dict() for optimizer in self.optimizers],
            "lr_schedulers": [self.scheduler_state] if self.scheduler_config else [],
            "hyper_parameters": dict(self.learner.hparams),
        }

    def _loops(self) -> dict[str, Any]:
        """Returns the counts of Lightning's loops."""
        names = ("fit_loop", "validate_loop", "test_loop", "predict_loop")
        loops = {name: getattr(self.lightning, name).state_dict() for name in names}
        fit, epochs, batches = loops["fit_loop"], self.current_epoch + 1, len(self.train_dataloader)
        fit["state_dict"] = {"combined_loader": [self.train_dataloader.state_dict()]}
        fit["epoch_loop.state_dict"] = {"_batches_that_stepped": epochs * batches}
        _set_counts(fit["epoch_loop.batch_progress"], epochs * batches, batches)
        fit["epoch_loop.batch_progress"]["is_last_batch"] = True
        optimizer = fit["epoch_loop.automatic_optimization.optim_progress"]["optimizer"]
        _set_counts(optimizer["step"], epochs * self.updates, self.updates)
        _set_counts(optimizer["zero_grad"], epochs * batches, batches)
        if self.scheduler_config:
            _set_counts(fit["epoch_loop.scheduler_progress"], *self._scheduler_steps(epochs, batches))
        _set_counts(fit["epoch_loop.val_loop.batch_progress"], 2, 2)
        fit["epoch_loop.val_loop.batch_progress"]["is_last_batch"] = True
        _set_counts(fit["epoch_progress"], epochs, epochs)
        for key in ("total", "current"):
            fit["epoch_progress"][key]["completed"] = epochs - 1
        return loops

    def _scheduler_steps(self, epochs: int, batches: int) -> tuple[int, int]:
        """Steps of the scheduler so far, and in this epoch; ReduceLROnPlateau steps after the checkpoint."""
        assert self.scheduler_config is not None
        counts = {"plateau": (epochs - 1, 0), "step": (epochs * batches, batches), "epoch": (epochs, 1)}
        return counts[self.scheduler_config.interval]


def _set_counts(progress: dict[str, Any], total: int, current: int) -> None:
    for key, value in (("total", total), ("current", current)):
        progress[key] = dict.fromkeys(progress[key], value)
