"""Ctrl-C and SIGTERM end a run after the current step, with a checkpoint; Lightning ends it without one."""

import os
import signal
import threading
from types import FrameType
from typing import Any

from lightning import Callback, LightningModule, Trainer

from mlplab.errors import Stopped
from mlplab.learner.lightning_internals import callbacks_of, set_callbacks
from mlplab.trainer.checkpoint import BestAndLastCheckpoint

SIGNALS = {signal.SIGINT: "Ctrl-C", signal.SIGTERM: "SIGTERM"}


class GracefulStop(Callback):
    """Stops after the current step on the first signal, at once on the second; does nothing outside the main thread.

    The hook on each step is added with the first signal only: it costs a microsecond per step.
    """

    def __init__(self, checkpoints: BestAndLastCheckpoint) -> None:
        self.checkpoints = checkpoints

    def on_train_start(self, trainer: Trainer, learner: LightningModule) -> None:
        def request_stop(number: int, frame: FrameType | None) -> None:
            if self.checkpoints.stop:
                raise Stopped(number)
            self.checkpoints.stop = number
            set_callbacks(trainer, [*callbacks_of(trainer), StopAfterStep(self.checkpoints)])
            message = f"\nmlplab: {SIGNALS[signal.Signals(number)]}: stopping after this step (again: at once)\n"
            os.write(2, message.encode())  # print is not safe in a signal handler

        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                signal.signal(number, request_stop)  # Lightning restores the former handlers after the fit


class StopAfterStep(Callback):
    """Ends the run after an optimizer step; after the last of an epoch the end of the epoch does."""

    def __init__(self, checkpoints: BestAndLastCheckpoint) -> None:
        self.checkpoints = checkpoints

    def on_train_batch_end(
        self, trainer: Trainer, learner: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        stepped = (batch_idx + 1) % trainer.accumulate_grad_batches == 0
        if stepped and not trainer.is_last_batch:
            self.checkpoints.stop_within_epoch(trainer)
