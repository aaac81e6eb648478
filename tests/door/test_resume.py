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
from mlplab.door.train import finish, keep
from mlplab.mistake import Mistake, Stopped

TIMES = ("seconds", "samples_per_second")
IRIS = ("data=iris", "model.hidden_features=[8]", "trainer.max_epochs=6", "report.every_n_steps=2", "trainer.accelerator=cpu")
CASES = {
    "dropout, by step": ("model.dropout=0.5", "scheduler=one_cycle"),
    "plateau": ("optimizer=sgd", "scheduler=plateau", "scheduler.patience=0", "optimizer.lr=3", "model.dropout=0.2"),
    "averaged, early": ("callback=[weight_averaging,early_stopping]", "callback.early_stopping.patience=1", "optimizer.lr=0.1"),
    "accumulated": ("callback=gradient_accumulation", "optimizer=momentum", "scheduler=cosine", "model.dropout=0.1"),
    "batch normalisation": ("model.normalisation=batch", "optimizer=rmsprop", "scheduler=exponential", "batch_size=7"),
    "values": ("data=diabetes", "trainer.precision=64-true", "optimizer=nadam", "monitor=r2/val", "batch_size=64"),
    "bf16": ("trainer.precision=bf16-mixed", "scheduler=warmup_cosine", "optimizer=adamw"),
    "lbfgs": ("optimizer=lbfgs", "batch_size=45"),
    "full report": ("report=full", "report.every_n_steps=2", "activation=prelu"),
}


class Signal(Callback):
    """A signal to this very process after some updates, as from the keyboard."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
        if trainer.global_step == self.step:
            os.kill(os.getpid(), signal.SIGINT)


class Crash(Callback):
    def __init__(self, step: int) -> None:
        self.step = step

    def on_train_batch_start(self, trainer: Trainer, *_: Any) -> None:
        if trainer.global_step == self.step:
            raise RuntimeError("the power is gone")


def interrupted(folder: Path, overrides: tuple[str, ...], by: Callback) -> None:
    config = mlplab.configure(f"run_dir={folder}", "report.picture=false", *overrides)
    lab = build(config)
    folder.mkdir()
    keep(config)
    lab.trainer.callbacks.insert(0, by)  # type: ignore[attr-defined]
    with pytest.raises((Stopped, RuntimeError)):
        lab.trainer.fit(lab.learner, datamodule=lab.batches)
        finish(config, lab)
    lab.overlay.close()
    assert not (folder / "scores.json").exists()


def timeless(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name not in TIMES}


def history(run: Path) -> list[dict[str, Any]]:
    with open(run / "history.csv", newline="") as file:
        return [timeless(row) for row in csv.DictReader(file)]


def curves(run: Path) -> dict[str, Any]:
    """Every point of every tag, in order."""
    points = {}
    for folder in ("", "train", "val", "test"):
        events = EventAccumulator(str(run / "tensorboard" / folder), {"scalars": 0, "histograms": 0, "images": 0}).Reload()
        for kind in ("scalars", "histograms", "images"):
            read = {"scalars": events.Scalars, "histograms": events.Histograms, "images": events.Images}[kind]
            for tag in events.Tags()[kind]:
                points[folder, tag] = [event[1:] for event in read(tag)]
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
    held = torch.load(run / "checkpoints" / f"{name}.ckpt", weights_only=True)
    held["hyper_parameters"]["config"].pop("run_dir")
    held["state"] = held.get("callbacks", {}).pop("Checkpoints", {})
    for known in (held["state"], held["state"].get("best", {}).get("checkpoint", {})):
        known.pop("hyper_parameters", None)
    return {key: held[key] for key in ("state_dict", "hyper_parameters", "epoch", "global_step", "state", "optimizer_states", "lr_schedulers", "callbacks") if key in held}


def assert_same(one: Path, other: Path) -> None:
    assert history(one) == history(other)
    assert timeless(json.loads((one / "scores.json").read_text())) == timeless(json.loads((other / "scores.json").read_text()))
    assert curves(one) == curves(other)
    for name in ("best", "last"):
        left, right = checkpoint(one, name), checkpoint(other, name)
        for key in left:
            assert same(left[key], right[key]), (name, key)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("by", [Signal(8), Signal(6), Crash(13)], ids=["mid-epoch", "epoch end", "crash"])
def test_a_stopped_run_goes_on_to_the_same_files(train: Callable[..., Any], tmp_path: Path, case: str, by: Callback) -> None:
    overrides = (*IRIS, *CASES[case])
    whole, _ = train(*overrides)
    stopped = tmp_path / "stopped"
    interrupted(stopped, overrides, by)
    mlplab.resume(stopped)
    assert_same(whole, stopped)
