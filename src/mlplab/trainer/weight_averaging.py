"""Weight averaging that also holds for a test from a checkpoint; the callback of Lightning tests the raw weights."""

from typing import Any

from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import EMAWeightAveraging
from lightning.pytorch.trainer.states import TrainerFn


class WeightAveraging(EMAWeightAveraging):
    """Exponential moving average of the weights: average = decay * average + (1 - decay) * weights after each step."""

    def on_load_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        if trainer.state.fn == TrainerFn.FITTING:
            super().on_load_checkpoint(trainer, pl_module, checkpoint)
