"""A run that was stopped goes on to the files of one that never was, bit for bit."""

import csv
import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning import Callback, Trainer
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import mlplab
from mlplab.build import build
from mlplab.door.train import keep
from mlplab.mistake import Stopped

TIMES = ("seconds", "samples_per_second")
SMALL = ("model.hidden_features=[8]", "trainer.max_epochs=6", "report.every_n_steps=2", "trainer.accelerator=cpu")
IRIS = ("data=iris", *SMALL)
CASES = {
    "dropout, by step": ("model.dropout=0.5", "scheduler=one_cycle"),
    "plateau": ("optimizer=sgd", "scheduler=plateau", "scheduler.patience=0", "optimizer.lr=3", "model.dropout=0.2"),
    "averaged, early": (
        "callback=[weight_averaging,early_stopping]",
        "callback.early_stopping.patience=1",
    ),
    "accumulated": ("callback=gradient_accumulation", "optimizer=momentum", "scheduler=cosine", "model.dropout=0.1"),
    "batch normalisation": ("model.normalisation=batch", "optimizer=rmsprop", "scheduler=exponential", "batch_size=7"),
    "values": ("data=diabetes", "trainer.precision=64-true", "optimizer=nadam", "monitor=r2/val", "batch_size=64"),
    "bf16": ("trainer.precision=bf16-mixed", "scheduler=warmup_cosine", "optimizer=adamw"),
    "lbfgs": ("optimizer=lbfgs", "batch_size=45"),
    "full report": ("report=full", "report.every_n_steps=2", "activation=prelu"),
}


class Signal(Callback):
    """A signal to this very process after a batch, as from the keyboard."""

    def __init__(self, epoch: int, batch: int) -> None:
        self.epoch, self.batch = epoch, batch

    def on_train_batch_end(self, trainer: Trainer, *rest: Any) -> None:
        batch = rest[-1] - trainer.num_training_batches if self.batch < 0 else rest[-1]
        if (trainer.current_epoch, batch) == (self.epoch, self.batch):
            os.kill(os.getpid(), signal.SIGINT)


class Crash(Callback):
    """The end of a process that can no longer write anything."""

    def __init__(self, epoch: int, batch: int) -> None:
        self.at = (epoch, batch)

    def on_train_batch_start(self, trainer: Trainer, *rest: Any) -> None:
        if (trainer.current_epoch, rest[-1]) == self.at:
            raise RuntimeError("the power is gone")


def interrupted(folder: Path, overrides: tuple[str, ...], by: Callback) -> None:
    config = mlplab.configure(f"run_dir={folder}", "report.picture=false", *overrides)
    lab = build(config)
    folder.mkdir()
    keep(config)
    lab.trainer.callbacks.insert(0, by)  # type: ignore[attr-defined]
    with pytest.raises((Stopped, RuntimeError)):
        lab.trainer.fit(lab.learner, datamodule=lab.batches)
    lab.overlay.close()


def timeless(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name not in TIMES}


def history(run: Path) -> list[dict[str, Any]]:
    with open(run / "history.csv", newline="") as file:
        return [timeless(row) for row in csv.DictReader(file)]


def scores(run: Path) -> dict[str, Any]:
    return timeless(json.loads((run / "scores.json").read_text()))


def curves(run: Path) -> dict[str, Any]:
    """Every point of every tag, in order, but for the time of day."""
    points = {}
    for folder in ("", "train", "val", "test"):
        events = EventAccumulator(str(run / "tensorboard" / folder), {"scalars": 0, "histograms": 0, "images": 0})
        events.Reload()
        readers = {"scalars": events.Scalars, "histograms": events.Histograms, "images": events.Images}
        for kind, read in readers.items():
            for tag in events.Tags()[kind]:
                points[folder, tag] = [{**vars(event), "wall_time": 0} for event in read(tag)]
    return points


def same(one: Any, other: Any) -> bool:
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


def checkpoint(run: Path, name: str) -> dict[str, Any]:
    """But for Lightning's counters and the names of the run."""
    held = torch.load(run / "checkpoints" / f"{name}.ckpt", weights_only=True)
    best = held.get("callbacks", {}).get("Checkpoints", {}).get("best", {}).get("checkpoint", {})
    for known in (held, best):
        if known:
            for name_of_run in ("run_dir", "sweep"):
                known["hyper_parameters"]["config"].pop(name_of_run, None)
    held.pop("loops", None)
    return dict(held)


def assert_same(one: Path, other: Path) -> None:
    assert history(one) == history(other)
    assert scores(one) == scores(other)
    assert curves(one) == curves(other)
    for name in ("best", "last"):
        left, right = checkpoint(one, name), checkpoint(other, name)
        assert left.keys() == right.keys()
        assert not [key for key in left if not same(left[key], right[key])]


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("by", [Signal(2, 0), Signal(1, -1), Crash(3, 1)], ids=["mid-epoch", "epoch end", "crash"])
def test_a_stopped_run_goes_on_to_the_same_files(
    train: Callable[..., Any], tmp_path: Path, case: str, by: Callback
) -> None:
    overrides = (*IRIS, *CASES[case])
    whole, _ = train(*overrides)
    stopped = tmp_path / "stopped"
    interrupted(stopped, overrides, by)
    assert not (stopped / "scores.json").exists()
    mlplab.resume(stopped)
    assert_same(whole, stopped)
