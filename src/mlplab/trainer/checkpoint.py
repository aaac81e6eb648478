"""Writes best.ckpt and last.ckpt so that a crash never leaves a damaged file; ModelCheckpoint of Lightning may."""

import contextlib
import os
import time
from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

import lightning
import torch
from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint
from lightning.pytorch.plugins.io import TorchCheckpointIO
from torch import Tensor

from mlplab import files
from mlplab.errors import Pruned, RunError, Stopped
from mlplab.learner.learner import Learner
from mlplab.learner.lightning_internals import callbacks_of
from mlplab.trainer.history_file import is_better

Judge = Callable[[int, float], str]  # (epoch, score) -> why the run ends after this epoch, or an empty string


class BestAndLastCheckpoint(Checkpoint):
    """Writes last.ckpt (to resume) and best.ckpt (to predict with the weights of the best epoch) after an epoch.

    The last epoch is always written, others only while writing takes at most a 50th of the time. The former last.ckpt
    becomes previous.ckpt. before_write: called before each write, to sync files that a checkpoint refers to. If `stop`
    holds a signal number, the end of the epoch writes and raises Stopped; if `judge` returns a reason, Pruned. Raises
    RunError if the disk does.
    """

    state_key = "Checkpoints"  # part of the file format: it does not follow the name of the class

    def __init__(
        self,
        folder: str | Path,
        monitor: str = "loss/val",
        mode: Literal["min", "max"] = "min",
        before_write: Sequence[Callable[[], None]] = (),
        judge: Judge | None = None,
    ) -> None:
        self.folder = Path(folder)
        self.monitor = monitor
        self.mode = mode
        self.before_write = before_write
        self.judge = judge
        self.stop = 0
        self.best: dict[str, Any] = {}
        self._progress: dict[str, Any] = {"epochs": 0, "step": 0, "ended": None}
        self._best_is_new = False
        self._written_at, self._seconds = float("-inf"), 0.0

    def on_train_start(self, trainer: Trainer, learner: LightningModule) -> None:
        if self.best:  # resumed, perhaps with more epochs
            self.best["checkpoint"]["hyper_parameters"] = dict(learner.hparams)

    def on_train_epoch_end(self, trainer: Trainer, learner: LightningModule) -> None:
        assert isinstance(learner, Learner)
        epochs = trainer.current_epoch + 1
        self._progress = {"epochs": epochs, "step": trainer.global_step, "ended": _early_end(trainer)}
        value = learner.scores[self.monitor]
        if not self.best or is_better(value, self.best["value"], self.mode):
            self.best = {"value": value, "checkpoint": inference_state(trainer, learner)}
            self._best_is_new = True
        last = trainer.should_stop or epochs == trainer.max_epochs
        pruned = self.judge(epochs, value) if self.judge else ""
        if last or self.stop or pruned or time.perf_counter() - self._written_at > 50 * self._seconds:
            self.write(trainer)
        if self.stop:
            raise Stopped(self.stop)
        if pruned and not last:
            raise Pruned(pruned)

    def stop_within_epoch(self, trainer: Trainer) -> None:
        """Writes a checkpoint within an epoch and raises Stopped."""
        self._progress["step"] = trainer.global_step
        self.write(trainer)
        raise Stopped(self.stop)

    def write(self, trainer: Trainer) -> None:
        """Writes both files. Raises RunError if the disk does."""
        started = time.perf_counter()
        last = self.folder / "last.ckpt"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            for sync in self.before_write:
                sync()
            self._write_best()
            trainer.save_checkpoint(files.temporary_name(last), weights_only=False)
            if last.exists():
                os.replace(last, self.folder / "previous.ckpt")
            files.commit(files.temporary_name(last), last)
        except OSError as error:
            with contextlib.suppress(OSError):
                files.temporary_name(last).unlink(missing_ok=True)
            reason = error.strerror or error
            raise RunError(
                f"{last} cannot be written: {reason}; the previous checkpoint is intact: free disk space, then resume"
            ) from error
        self._written_at = time.perf_counter()
        self._seconds = self._written_at - started

    def on_exception(self, trainer: Trainer, learner: LightningModule, exception: BaseException) -> None:
        with contextlib.suppress(OSError):
            self._write_best()

    def state_dict(self) -> dict[str, Any]:
        return {**self._progress, "best": self.best}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._progress = {name: state[name] for name in self._progress}
        self.best = state["best"]
        self._best_is_new = bool(self.best)  # best.ckpt on the disk may be newer than last.ckpt

    def take_best(self, state: dict[str, Any]) -> None:
        """Loads the state of a run that has ended, and writes its best.ckpt."""
        self.load_state_dict(state)
        self._write_best()

    def _write_best(self) -> None:
        if self._best_is_new:
            data = BytesIO()
            torch.save(self.best["checkpoint"], data)
            files.write(self.folder / "best.ckpt", data.getvalue())
            self._best_is_new = False


class DurableCheckpointIO(TorchCheckpointIO):
    """Writes directly to the path and syncs; that of Lightning needs space in the temporary folder of the machine."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        data = BytesIO()  # torch.save turns the OSError of a full disk into a RuntimeError
        torch.save(checkpoint, data)
        with open(path, "wb") as file:
            file.write(data.getbuffer())
        files.sync(path)


def inference_state(trainer: Trainer, learner: LightningModule) -> dict[str, Any]:
    """Returns the weights as in a checkpoint (with weight averaging: the averages), and the metadata."""
    checkpoint: dict[str, Any] = {"state_dict": learner.state_dict()}
    for callback in callbacks_of(trainer):
        callback.on_save_checkpoint(trainer, learner, checkpoint)
    return {
        "epoch": trainer.current_epoch,
        "global_step": trainer.global_step,
        "pytorch-lightning_version": lightning.__version__,
        "state_dict": {name: value.detach().clone() for name, value in checkpoint["state_dict"].items()},
        "hyper_parameters": dict(learner.hparams),
    }


def _early_end(trainer: Trainer) -> str | None:
    """Returns why a run ended before its last epoch, None if it did not."""
    if not trainer.should_stop:
        return None
    early = any(callback.stopped_epoch for callback in trainer.early_stopping_callbacks)
    return "early_stopping" if early else "max_time"


class ResumeState(Callback):
    """Saves and restores what Lightning leaves out of a checkpoint, so that a resumed run has the same numbers.

    These are: random states; the position in an epoch; gradient accumulation within an epoch; the step of
    ReduceLROnPlateau, which Lightning makes after the checkpoint of an epoch and skips after an epoch that was resumed;
    the precision of optimizer states (torch converts them to that of the weight, which NAdam's under 64-true lack).
    """

    state_key = "Continuation"  # part of the file format: it does not follow the name of the class
    _trainer: Trainer  # from the start of the training

    def __init__(self, monitor: str = "loss/val") -> None:
        self.monitor = monitor
        self._loaded: dict[str, Any] = {}
        self._optimizers: list[dict[str, Any]] = []
        self._plateau_is_due = False

    def state_dict(self) -> dict[str, Any]:
        trainer, device = self._trainer, self._trainer.strategy.root_device
        batches: Any = trainer.train_dataloader
        return {
            "random": torch.get_rng_state(),
            "random_cuda": torch.cuda.get_rng_state(device) if device.type == "cuda" else None,
            "batches": batches.state_dict() if hasattr(batches, "state_dict") else None,
            "accumulated": trainer.accumulate_grad_batches,
            "monitored": float(trainer.callback_metrics[self.monitor]) if trainer.is_last_batch else None,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._loaded = state

    def on_load_checkpoint(self, trainer: Trainer, learner: LightningModule, checkpoint: dict[str, Any]) -> None:
        self._optimizers = checkpoint["optimizer_states"]

    def on_train_start(self, trainer: Trainer, learner: LightningModule) -> None:
        self._trainer = trainer
        if not (state := self._loaded):
            return
        torch.set_rng_state(state["random"])
        if state["random_cuda"] is not None and learner.device.type == "cuda":
            torch.cuda.set_rng_state(state["random_cuda"], learner.device)
        batches: Any = trainer.train_dataloader
        if state["batches"] is not None:
            batches.load_state_dict(state["batches"])
        trainer.accumulate_grad_batches = state["accumulated"]
        self._plateau_is_due = state["monitored"] is None
        if not self._plateau_is_due:
            _step_plateau(trainer, state["monitored"])
        for optimizer, saved in zip(trainer.optimizers, self._optimizers, strict=True):
            for loaded, state in zip(optimizer.state.values(), saved["state"].values(), strict=True):
                tensors = {name: value for name, value in state.items() if isinstance(value, Tensor)}
                loaded |= {name: loaded[name].to(value.dtype) for name, value in tensors.items()}
        self._loaded = {}

    def on_train_epoch_start(self, trainer: Trainer, learner: LightningModule) -> None:
        if self._plateau_is_due:
            _step_plateau(trainer, float(trainer.callback_metrics[self.monitor]))
            self._plateau_is_due = False


def _step_plateau(trainer: Trainer, monitored: float) -> None:
    for scheduler in trainer.lr_scheduler_configs:
        if scheduler.reduce_on_plateau:
            scheduler.scheduler.step(monitored)  # type: ignore[arg-type]
