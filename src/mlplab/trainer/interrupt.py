"""Ctrl-C and SIGTERM end a run after the step under way, with a checkpoint; Lightning ends it without one."""

import os
import signal
import threading
from types import FrameType
from typing import Any

from lightning import Callback, Trainer

from mlplab.errors import Stopped
from mlplab.trainer.checkpoint import BestAndLastCheckpoint

SIGNALS = {signal.SIGINT: "Ctrl-C", signal.SIGTERM: "SIGTERM"}


class GracefulStop(Callback):
    """The first signal asks, the second stops at once. In a thread other than the main one nothing is done.

    It watches steps only once it was asked to stop: a hook costs a microsecond a step.
    """

    def __init__(self, checkpoints: BestAndLastCheckpoint) -> None:
        self.checkpoints = checkpoints

    def on_train_start(self, trainer: Trainer, learner: Any) -> None:
        def ask(number: int, frame: FrameType | None) -> None:
            if self.checkpoints.stop:
                raise Stopped(number)
            self.checkpoints.stop = number
            callbacks: list[Callback] = trainer.callbacks  # type: ignore[attr-defined]
            trainer.callbacks = [*callbacks, StopAfterStep(self.checkpoints)]  # type: ignore[attr-defined]
            said = f"\nmlplab: {SIGNALS[signal.Signals(number)]}: stopping after this step (again: at once)\n"
            os.write(2, said.encode())  # print is not safe in a signal handler

        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                signal.signal(number, ask)  # Lightning puts those of before back at the end of the fit


class StopAfterStep(Callback):
    """Ends the run after an update, but for the last of an epoch: there the epoch's end does."""

    def __init__(self, checkpoints: BestAndLastCheckpoint) -> None:
        self.checkpoints = checkpoints

    def on_train_batch_end(self, trainer: Trainer, learner: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        updated = (batch_idx + 1) % trainer.accumulate_grad_batches == 0
        if updated and not trainer.is_last_batch:
            self.checkpoints.stop_within_epoch(trainer)
