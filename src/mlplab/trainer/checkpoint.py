"""best.ckpt and last.ckpt, whole at any moment; Lightning's ModelCheckpoint survives no power cut, at any cost."""

import contextlib
import os
import time
from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

import lightning
import torch
from lightning import Callback, Trainer
from lightning.pytorch.callbacks import Checkpoint
from lightning.pytorch.plugins.io import TorchCheckpointIO
from torch import Tensor

from mlplab import files
from mlplab.errors import Pruned, RunError, Stopped


class BestAndLastCheckpoint(Checkpoint):
    """After an epoch: last.ckpt holds all that a run needs to go on, best.ckpt the weights of the best epoch and what
    is needed to predict. Always after the last epoch, else for at most a 50th of the time.

    The last.ckpt before is kept as previous.ckpt. first: what must be on the disk before a checkpoint that stands on
    it. Once `stop` holds the number of a signal, the epoch's end writes and raises Stopped; where `pruned` says why the
    run is to end early, Pruned. Raises Failure where the disk refuses.
    """

    def __init__(
        self,
        folder: str | Path,
        monitor: str = "loss/val",
        mode: Literal["min", "max"] = "min",
        first: Sequence[Callable[[], None]] = (),
    ) -> None:
        self.folder = Path(folder)
        self.monitor = monitor
        self.mode = mode
        self.first = first
        self.stop = 0
        self.pruned = ""
        self.best: dict[str, Any] = {}
        self.resumed: dict[str, Any] | None = None
        self._done: dict[str, Any] = {"epochs": 0, "step": 0, "ended": None}
        self._best_is_new = False
        self._wrote_at, self._cost = float("-inf"), 0.0

    def setup(self, trainer: Trainer, learner: Any, stage: str) -> None:
        trainer.strategy.checkpoint_io = DurableCheckpointIO(self.resumed)
        self.resumed = None

    def on_train_start(self, trainer: Trainer, learner: Any) -> None:
        if self.best:  # of a run that goes on, to more epochs perhaps
            self.best["checkpoint"]["hyper_parameters"] = dict(learner.hparams)

    def on_train_epoch_end(self, trainer: Trainer, learner: Any) -> None:
        self._done = {"epochs": trainer.current_epoch + 1, "step": trainer.global_step, "ended": _end(trainer)}
        value = learner.scores[self.monitor]
        if not self.best or (value < self.best["value"] if self.mode == "min" else value > self.best["value"]):
            self.best = {"value": value, "checkpoint": inference_state(trainer, learner)}
            self._best_is_new = True
        last = trainer.should_stop or trainer.current_epoch + 1 == trainer.max_epochs
        if last or self.stop or self.pruned or time.perf_counter() - self._wrote_at > 50 * self._cost:
            self.write(trainer)
        if self.stop:
            raise Stopped(self.stop)
        if self.pruned and not last:
            raise Pruned(self.pruned)

    def stop_within_epoch(self, trainer: Trainer) -> None:
        """After the step under way: raises Stopped, with a checkpoint."""
        self._done["step"] = trainer.global_step
        self.write(trainer)
        raise Stopped(self.stop)

    def write(self, trainer: Trainer) -> None:
        """Both files, as the run stands now."""
        started = time.perf_counter()
        last = self.folder / "last.ckpt"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            for on_the_disk in self.first:
                on_the_disk()
            self._write_best()
            trainer.save_checkpoint(files.temporary_name(last), weights_only=False)
            if last.exists():
                os.replace(last, self.folder / "previous.ckpt")
            files.commit(files.temporary_name(last), last)
        except OSError as error:
            with contextlib.suppress(OSError):
                files.temporary_name(last).unlink(missing_ok=True)
            said = f"{last} cannot be written: {error.strerror or error}"
            raise RunError(f"{said}; the checkpoint before it is kept: make room, then resume") from error
        self._wrote_at = time.perf_counter()
        self._cost = self._wrote_at - started

    def on_exception(self, trainer: Trainer, learner: Any, exception: BaseException) -> None:
        with contextlib.suppress(OSError):
            self._write_best()

    def state_dict(self) -> dict[str, Any]:
        return {**self._done, "best": self.best}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._done = {name: state[name] for name in self._done}
        self.best = state["best"]
        self._best_is_new = bool(self.best)  # the file may be of an epoch after last.ckpt

    def take_best(self, state: dict[str, Any]) -> None:
        """Of a run whose last epoch has ended."""
        self.load_state_dict(state)
        self._write_best()

    def _write_best(self) -> None:
        if self._best_is_new:
            data = BytesIO()
            torch.save(self.best["checkpoint"], data)
            files.write(self.folder / "best.ckpt", data.getvalue())
            self._best_is_new = False


class DurableCheckpointIO(TorchCheckpointIO):
    """Writes at the path itself and waits for the disk; Lightning's goes by way of the machine's temporary folder.

    resumed: what the file that a run resumes from holds, where it was read and upgraded before.
    """

    def __init__(self, resumed: dict[str, Any] | None = None) -> None:
        self.resumed = resumed

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        data = BytesIO()  # torch.save turns the OSError of a full disk into a RuntimeError
        torch.save(checkpoint, data)
        with open(path, "wb") as file:
            file.write(data.getbuffer())
        files.sync(path)

    def load_checkpoint(self, *given: Any, **options: Any) -> dict[str, Any]:
        resumed, self.resumed = self.resumed, None  # it is large
        return super().load_checkpoint(*given, **options) if resumed is None else resumed


def inference_state(trainer: Trainer, learner: Any) -> dict[str, Any]:
    """The weights as a checkpoint holds them (with weight averaging: the averages), and the card."""
    held: dict[str, Any] = {"state_dict": learner.state_dict()}
    callbacks: list[Any] = trainer.callbacks  # type: ignore[attr-defined]
    for callback in callbacks:
        callback.on_save_checkpoint(trainer, learner, held)
    return {
        "epoch": trainer.current_epoch,
        "global_step": trainer.global_step,
        "pytorch-lightning_version": lightning.__version__,
        "state_dict": {name: value.detach().clone() for name, value in held["state_dict"].items()},
        "hyper_parameters": dict(learner.hparams),
    }


def _end(trainer: Trainer) -> str | None:
    """Why a run ended before its last epoch."""
    if not trainer.should_stop:
        return None
    early = any(callback.stopped_epoch for callback in trainer.early_stopping_callbacks)
    return "early_stopping" if early else "max_time"


class ResumeState(Callback):
    """Random states; the place in an epoch, where a schedule asked for the number of batches; accumulation, within an
    epoch; the plateau's step, which comes after an epoch's checkpoint and is skipped after an epoch that was begun
    before. And torch gives numbers kept beside a weight the weight's precision, which NAdam's under 64-true have not.
    """

    def __init__(self, monitor: str = "loss/val") -> None:
        self.monitor = monitor
        self._trainer: Any = None
        self._loaded: dict[str, Any] = {}
        self._optimizers: list[dict[str, Any]] = []
        self._plateau_is_due = False

    def state_dict(self) -> dict[str, Any]:
        trainer, device = self._trainer, self._trainer.strategy.root_device
        batches = trainer.train_dataloader
        return {
            "random": torch.get_rng_state(),
            "random_cuda": torch.cuda.get_rng_state(device) if device.type == "cuda" else None,
            "batches": batches.state_dict() if hasattr(batches, "state_dict") else None,
            "accumulated": trainer.accumulate_grad_batches,
            "monitored": float(trainer.callback_metrics[self.monitor]) if trainer.is_last_batch else None,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._loaded = state

    def on_load_checkpoint(self, trainer: Trainer, learner: Any, checkpoint: dict[str, Any]) -> None:
        self._optimizers = checkpoint["optimizer_states"]

    def on_train_start(self, trainer: Trainer, learner: Any) -> None:
        self._trainer = trainer
        if not (state := self._loaded):
            return
        torch.set_rng_state(state["random"])
        if state["random_cuda"] is not None and learner.device.type == "cuda":
            torch.cuda.set_rng_state(state["random_cuda"], learner.device)
        if state["batches"] is not None:
            self._trainer.train_dataloader.load_state_dict(state["batches"])
        trainer.accumulate_grad_batches = state["accumulated"]
        self._plateau_is_due = state["monitored"] is None
        if not self._plateau_is_due:
            _step_plateau(trainer, state["monitored"])
        for optimizer, saved in zip(trainer.optimizers, self._optimizers, strict=True):
            for held, kept in zip(optimizer.state.values(), saved["state"].values(), strict=True):
                held |= {name: held[name].to(value.dtype) for name, value in kept.items() if isinstance(value, Tensor)}
        self._loaded = {}

    def on_train_epoch_start(self, trainer: Trainer, learner: Any) -> None:
        if self._plateau_is_due:
            _step_plateau(trainer, float(trainer.callback_metrics[self.monitor]))
            self._plateau_is_due = False


def _step_plateau(trainer: Trainer, monitored: Any) -> None:
    for plan in trainer.lr_scheduler_configs:
        if plan.reduce_on_plateau:
            plan.scheduler.step(monitored)


Judge = Callable[[int, float], str]  # (epoch, score) -> why the run is to end here, or nothing


class Pruning(Callback):
    """Asks before Checkpoints writes, which Lightning calls last."""

    def __init__(self, checkpoints: BestAndLastCheckpoint, monitor: str, judge: Judge) -> None:
        self.checkpoints = checkpoints
        self.monitor = monitor
        self.judge = judge

    def on_train_epoch_end(self, trainer: Trainer, learner: Any) -> None:
        self.checkpoints.pruned = self.judge(trainer.current_epoch + 1, learner.scores[self.monitor])
