"""After an epoch a search may end a run: its score is told, and a checkpoint is kept from which the run goes on."""

from collections.abc import Callable
from typing import Any

from lightning import Callback, Trainer

from mlplab.callback.checkpoints import Checkpoints

Judge = Callable[[int, float], str]  # (epoch, score) -> why the run is to end here, or nothing


class Pruning(Callback):
    """Asks before Checkpoints writes, which Lightning calls last."""

    def __init__(self, checkpoints: Checkpoints, monitor: str, judge: Judge) -> None:
        self.checkpoints = checkpoints
        self.monitor = monitor
        self.judge = judge

    def on_train_epoch_end(self, trainer: Trainer, learner: Any) -> None:
        self.checkpoints.pruned = self.judge(trainer.current_epoch + 1, learner.scores[self.monitor])
