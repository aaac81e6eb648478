"""Logs running loss, learning rate and gradient norm by step, to show what happens within an epoch."""

from typing import Any

import torch
from lightning import Callback, LightningModule, Trainer
from torch import Tensor
from torch.optim import Optimizer


class StepMetrics(Callback):
    """Logs every `interval` optimizer steps.

    The loss is the mean since the last point, in training mode; learning rate and gradient norm (before clipping) are
    those of that step.
    """

    state_key = "Running"  # part of the file format: it does not follow the name of the class

    def __init__(self, interval: int = 50) -> None:
        self.interval = interval
        self._sum: Tensor | float = 0.0
        self._count = 0
        self._updates = 0
        self._point: dict[str, Any] = {}

    def state_dict(self) -> dict[str, Any]:
        return {"sum": self._sum, "count": self._count, "updates": self._updates}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._sum, self._count, self._updates = state["sum"], state["count"], state["updates"]

    def on_before_optimizer_step(self, trainer: Trainer, learner: LightningModule, optimizer: Optimizer) -> None:
        self._updates += 1
        if self._updates % self.interval == 0:
            gradients = [parameter.grad for parameter in learner.parameters() if parameter.grad is not None]
            norm = torch.nn.utils.get_total_norm(gradients)
            self._point = {"running/lr": optimizer.param_groups[0]["lr"], "running/gradient_norm": norm}

    def on_train_batch_end(
        self, trainer: Trainer, learner: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        loss: Tensor = outputs["loss"]
        # reading a loss from another device would wait for it
        self._sum = self._sum + (loss.item() if loss.is_cpu else loss)
        self._count += 1
        if not self._point:
            return
        mean = self._sum / self._count * trainer.accumulate_grad_batches  # Lightning has divided the loss by it
        point = {"running/loss": mean, **self._point}
        for logger in trainer.loggers:
            logger.log_metrics({name: float(value) for name, value in point.items()}, step=trainer.global_step)
        self._sum, self._count, self._point = 0.0, 0, {}
