"""What Lightning leaves out when a run goes on from a checkpoint."""

from typing import Any

import torch
from lightning import Callback, Trainer
from torch import Tensor


class Continuation(Callback):
    """Random states; the place in an epoch, where a schedule asked for the number of batches; accumulation, within an
    epoch; the plateau's step, which comes after an epoch's checkpoint and is skipped after an epoch that was begun
    before. And torch gives numbers kept beside a weight the weight's precision, which NAdam's under 64-true have not.
    """

    def __init__(self, monitor: str = "loss/val") -> None:
        self.monitor = monitor
        self._trainer: Any = None
        self._loaded: dict[str, Any] = {}
        self._optimizers: list[dict[str, Any]] = []
        self._plateau_is_due = False

    def state_dict(self) -> dict[str, Any]:
        trainer, device = self._trainer, self._trainer.strategy.root_device
        batches = trainer.train_dataloader
        return {
            "random": torch.get_rng_state(),
            "random_cuda": torch.cuda.get_rng_state(device) if device.type == "cuda" else None,
            "batches": batches.state_dict() if hasattr(batches, "state_dict") else None,
            "accumulated": trainer.accumulate_grad_batches,
            "monitored": float(trainer.callback_metrics[self.monitor]) if trainer.is_last_batch else None,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._loaded = state

    def on_load_checkpoint(self, trainer: Trainer, learner: Any, checkpoint: dict[str, Any]) -> None:
        self._optimizers = checkpoint["optimizer_states"]

    def on_train_start(self, trainer: Trainer, learner: Any) -> None:
        self._trainer = trainer
        if not (state := self._loaded):
            return
        torch.set_rng_state(state["random"])
        if state["random_cuda"] is not None and learner.device.type == "cuda":
            torch.cuda.set_rng_state(state["random_cuda"], learner.device)
        if state["batches"] is not None:
            self._trainer.train_dataloader.load_state_dict(state["batches"])
        trainer.accumulate_grad_batches = state["accumulated"]
        self._plateau_is_due = state["monitored"] is None
        if not self._plateau_is_due:
            _step_plateau(trainer, state["monitored"])
        for optimizer, saved in zip(trainer.optimizers, self._optimizers, strict=True):
            for held, kept in zip(optimizer.state.values(), saved["state"].values(), strict=True):
                held |= {name: held[name].to(value.dtype) for name, value in kept.items() if isinstance(value, Tensor)}
        self._loaded = {}

    def on_train_epoch_start(self, trainer: Trainer, learner: Any) -> None:
        if self._plateau_is_due:
            _step_plateau(trainer, float(trainer.callback_metrics[self.monitor]))
            self._plateau_is_due = False


def _step_plateau(trainer: Trainer, monitored: Any) -> None:
    for plan in trainer.lr_scheduler_configs:
        if plan.reduce_on_plateau:
            plan.scheduler.step(monitored)
