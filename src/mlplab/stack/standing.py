"""Where one member of a stack stands: what callbacks and checkpoints read of Lightning's Trainer, and no more."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import lightning
from lightning import Callback, Trainer
from lightning.pytorch.trainer.states import TrainerFn
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import ReduceLROnPlateau

from mlplab.learner.learner import Learner
from mlplab.trainer.checkpoint import OnTheDisk

Plan = dict[str, Any]  # of a scheduler, as `configure_optimizers` gives it


class Standing:
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
        OnTheDisk().save_checkpoint(self.checkpoint(), path)

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


def _count(progress: dict[str, Any], total: int, current: int) -> None:
    for when, value in (("total", total), ("current", current)):
        progress[when] = dict.fromkeys(progress[when], value)
