"""Ends a run whose loss is NaN or infinite, before it changes the weights or a checkpoint."""

import math
from typing import Any

import torch
from lightning import Callback, LightningModule, Trainer
from torch import Tensor, nn

from mlplab.errors import RunError
from mlplab.learner.learner import Learner

REMEDY = "try a smaller optimizer.lr, trainer.gradient_clip_val=1 or another initialisation"
IN_LOSS = "first in the loss itself"


class NaNGuard(Callback):
    """Checks each loss on a CPU; on other devices the sum of `interval` losses, so as not to wait for each step."""

    def __init__(self, interval: int = 50) -> None:
        self.interval = interval
        self._batch: Any = None
        self._sum: Tensor | float = 0.0

    def on_train_batch_start(self, trainer: Trainer, learner: LightningModule, batch: Any, batch_idx: int) -> None:
        self._batch = batch

    def on_before_backward(self, trainer: Trainer, learner: LightningModule, loss: Tensor) -> None:
        if loss.is_cpu:
            if not math.isfinite(loss.item()):
                raise _run_error(trainer, learner, loss, self._batch, since=0)
            return
        self._sum = self._sum + loss.detach()
        if trainer.global_step % self.interval == 0:
            if not torch.isfinite(self._sum):
                raise _run_error(trainer, learner, loss, self._batch, since=self.interval)
            self._sum = 0.0

    def on_validation_end(self, trainer: Trainer, learner: LightningModule) -> None:
        assert isinstance(learner, Learner)
        for name in ("loss/train", "loss/val"):
            value = learner.scores.get(name, 0.0)
            if not math.isfinite(value):
                epoch = trainer.current_epoch + (not trainer.sanity_checking)
                when = f"{name} became {value} at epoch {epoch}, step {trainer.global_step}"
                loaders: Any = trainer.val_dataloaders  # val, then the evaluated part of train
                batches = loaders[name == "loss/train"] if isinstance(loaders, list) else loaders
                origins = (_origin(learner, batch) for batch in batches)
                where = next((origin for origin in origins if origin != IN_LOSS), IN_LOSS)
                raise RunError(f"{when}, {where}; {REMEDY}")


def _run_error(trainer: Trainer, learner: LightningModule, loss: Tensor, batch: Any, since: int) -> RunError:
    step = trainer.global_step + 1
    steps = f"step {step}" if not since else f"between steps {max(1, step - since)} and {step}"
    where = _origin(learner, batch)
    return RunError(f"the loss became {loss.item()} at epoch {trainer.current_epoch + 1}, {steps}, {where}; {REMEDY}")


def _origin(learner: LightningModule, batch: Any) -> str:
    """Returns where a value that is not finite first appears: input, weights, a layer or the loss."""
    features = batch[0]
    if features.is_floating_point() and not torch.isfinite(features).all():
        return "first in the features of the batch"
    for name, parameter in learner.named_parameters():
        if not torch.isfinite(parameter).all():
            return f"first in the weights {name}, after the previous update"
    broken: list[str] = []
    network: Any = learner.network
    leaves = {module: name for name, module in network.named_modules() if not list(module.children())}

    def check(module: nn.Module, _: Any, output: Any) -> None:
        if isinstance(output, Tensor) and not torch.isfinite(output).all():
            broken.append(f"{leaves[module]} ({type(module).__name__})")

    handles = [module.register_forward_hook(check) for module in leaves]
    with torch.no_grad():
        network(features)
    for handle in handles:
        handle.remove()
    return f"first in the output of network.{broken[0]}" if broken else IN_LOSS
