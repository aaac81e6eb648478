"""What happens inside an epoch: running loss, learning rate and gradient norm, by step, under tags of their own."""

from typing import Any

import torch
from lightning import Callback, LightningModule, Trainer
from torch import Tensor
from torch.optim import Optimizer


class Running(Callback):
    """Every `interval` steps: the mean loss since the last time, as training saw it (dropout on, weights moving)."""

    def __init__(self, interval: int = 50) -> None:
        self.interval = interval
        self._sum: Tensor | float = 0.0
        self._count = 0
        self._norm: Tensor | None = None

    def on_before_optimizer_step(self, trainer: Trainer, learner: LightningModule, optimizer: Optimizer) -> None:
        if self._count + 1 == self.interval:
            gradients = [parameter.grad for parameter in learner.parameters() if parameter.grad is not None]
            self._norm = torch.nn.utils.get_total_norm(gradients)

    def on_train_batch_end(
        self, trainer: Trainer, learner: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self._sum = self._sum + outputs["loss"]
        self._count += 1
        if self._count < self.interval:
            return
        point = {
            "running/loss": float(self._sum) / self._count,
            "running/lr": trainer.optimizers[0].param_groups[0]["lr"],
        }
        if self._norm is not None:
            point["running/gradient_norm"] = float(self._norm)
        for logger in trainer.loggers:
            logger.log_metrics(point, step=trainer.global_step)
        self._sum, self._count = 0.0, 0
