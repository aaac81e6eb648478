"""Ends a run whose loss is no longer a number, before it reaches the weights or a checkpoint."""

import math
from typing import Any

import torch
from lightning import Callback, LightningModule, Trainer
from torch import Tensor, nn

from mlplab.errors import RunError


class NaNGuard(Callback):
    """Looks at every loss on a CPU; elsewhere at the sum of `interval` losses, so that nobody waits for the device."""

    def __init__(self, interval: int = 50) -> None:
        self.interval = interval
        self._batch: Any = None
        self._sum: Tensor | float = 0.0

    def on_train_batch_start(self, trainer: Trainer, learner: LightningModule, batch: Any, batch_idx: int) -> None:
        self._batch = batch

    def on_before_backward(self, trainer: Trainer, learner: LightningModule, loss: Tensor) -> None:
        if loss.is_cpu:
            if not math.isfinite(loss.item()):
                raise _failure(trainer, learner, loss, self._batch, since=0)
            return
        self._sum = self._sum + loss.detach()
        if trainer.global_step % self.interval == 0:
            if not torch.isfinite(self._sum):
                raise _failure(trainer, learner, loss, self._batch, since=self.interval)
            self._sum = 0.0

    def on_validation_end(self, trainer: Trainer, learner: Any) -> None:
        for name in ("loss/train", "loss/val"):
            value = learner.scores.get(name, 0.0)
            if not math.isfinite(value):
                epoch = trainer.current_epoch + (not trainer.sanity_checking)
                when = f"{name} became {value} at epoch {epoch}, step {trainer.global_step}"
                raise RunError(f"{when}, {_origin_in(learner, _measured(trainer, name))}; {REMEDY}")


REMEDY = "try a smaller optimizer.lr, trainer.gradient_clip_val=1 or another initialisation"
IN_LOSS = "first in the loss itself"


def _failure(trainer: Trainer, learner: LightningModule, loss: Tensor, batch: Any, since: int) -> RunError:
    step = trainer.global_step + 1
    steps = f"step {step}" if not since else f"between steps {max(1, step - since)} and {step}"
    where = _origin(learner, batch)
    return RunError(f"the loss became {loss.item()} at epoch {trainer.current_epoch + 1}, {steps}, {where}; {REMEDY}")


def _measured(trainer: Trainer, name: str) -> Any:
    """The loader of val or of the measured slice of train."""
    loaders = trainer.val_dataloaders
    return loaders[name == "loss/train"] if isinstance(loaders, list) else loaders


def _origin_in(learner: LightningModule, batches: Any) -> str:
    found = [_origin(learner, batch) for batch in batches]
    return next((origin for origin in found if origin != IN_LOSS), IN_LOSS)


def _origin(learner: LightningModule, batch: Any) -> str:
    """Where a value that is not finite first appears, from the input on."""
    features = batch[0]
    if features.is_floating_point() and not torch.isfinite(features).all():
        return "first in the features of the batch"
    for name, parameter in learner.named_parameters():
        if not torch.isfinite(parameter).all():
            return f"first in the weights {name}, after the update before"
    found: list[str] = []

    def look(name: str) -> Any:
        def hook(_: nn.Module, __: Any, output: Any) -> None:
            if isinstance(output, Tensor) and not torch.isfinite(output).all():
                found.append(name)

        return hook

    network: Any = learner.network
    leaves = [(name, module) for name, module in network.named_modules() if not list(module.children())]
    handles = [module.register_forward_hook(look(f"{name} ({type(module).__name__})")) for name, module in leaves]
    with torch.no_grad():
        network(features)
    for handle in handles:
        handle.remove()
    return f"first in the output of network.{found[0]}" if found else IN_LOSS
