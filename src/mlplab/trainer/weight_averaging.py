"""Averaged weights, in the test too; Lightning's callback tests a checkpoint with the weights before averaging."""

from typing import Any

from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import EMAWeightAveraging
from lightning.pytorch.trainer.states import TrainerFn


class WeightAveraging(EMAWeightAveraging):
    """Exponential moving average of the weights: average = decay * average + (1 - decay) * weights, an update."""

    def on_load_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        if trainer.state.fn == TrainerFn.FITTING:
            super().on_load_checkpoint(trainer, pl_module, checkpoint)
