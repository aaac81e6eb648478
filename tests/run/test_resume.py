"""A stopped run resumes to the files of a run that was not stopped, bit for bit."""

import csv
import json
import os
import pickle
import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning import Callback, Trainer
from omegaconf import OmegaConf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import mlplab
from mlplab import files
from mlplab.command.job import resume_job
from mlplab.config.tree import portable_config
from mlplab.errors import Stopped, UserError
from mlplab.run.build import build
from mlplab.run.config_file import write_config
from mlplab.trainer import batch_blocks
from mlplab.trainer.checkpoint import ResumeState

TIMES = ("seconds", "samples_per_second")
SMALL = ("model.hidden_features=[8]", "trainer.max_epochs=6", "report.every_n_steps=2", "trainer.accelerator=cpu")
IRIS = ("data=iris", "batch_size=10", *SMALL)
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
    "a fold": ("data.folds=4", "data.fold=2", "model.dropout=0.1"),
    "full report": ("report=full", "report.every_n_steps=2", "activation=prelu"),
}
QUICK = [case for case in CASES if case != "full report"]


class Signal(Callback):
    """Sends SIGINT to this process after a batch, as the keyboard does."""

    def __init__(self, epoch: int, batch: int) -> None:
        self.epoch, self.batch = epoch, batch

    def on_train_batch_end(self, trainer: Trainer, *rest: Any) -> None:
        batch = rest[-1] - trainer.num_training_batches if self.batch < 0 else rest[-1]
        if (trainer.current_epoch, batch) == (self.epoch, self.batch):
            os.kill(os.getpid(), signal.SIGINT)


class Crash(Callback):
    """Ends training where nothing can be written any more."""

    def __init__(self, epoch: int, batch: int) -> None:
        self.at = (epoch, batch)

    def on_train_batch_start(self, trainer: Trainer, *rest: Any) -> None:
        if (trainer.current_epoch, rest[-1]) == self.at:
            raise RuntimeError("the power is gone")


def interrupted(folder: Path, overrides: tuple[str, ...], by: Callback) -> None:
    config = mlplab.configure(f"run_dir={folder}", "report.picture=false", *overrides)
    lab = build(config)
    folder.mkdir()
    write_config(portable_config(config))
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
    """Every point of every tag, in order, without the time of day."""
    points = {}
    for folder in ("", *(one for one in ("train", "val", "test") if (run / "tensorboard" / one).exists())):
        events = EventAccumulator(
            str(run / "tensorboard" / folder), {"scalars": 0, "histograms": 0, "images": 0, "tensors": 0}
        )
        events.Reload()
        readers: dict[str, Any] = {"scalars": events.Scalars, "histograms": events.Histograms, "images": events.Images}
        readers["tensors"] = events.Tensors
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
    """Without Lightning's counters and the names of the run."""
    stored = torch.load(run / "checkpoints" / f"{name}.ckpt", weights_only=True)
    best = stored.get("callbacks", {}).get("Checkpoints", {}).get("best", {}).get("checkpoint", {})
    for known in (stored, best):
        if known:
            for name_of_run in ("run_dir", "sweep"):
                known["hyper_parameters"]["config"].pop(name_of_run, None)
    stored.pop("loops", None)
    return dict(stored)


def assert_same(one: Path, other: Path) -> None:
    assert history(one) == history(other)
    assert scores(one) == scores(other)
    assert (one / "diagnosis.json").read_bytes() == (other / "diagnosis.json").read_bytes()
    assert curves(one) == curves(other)
    for name in ("best", "last"):
        left, right = checkpoint(one, name), checkpoint(other, name)
        assert left.keys() == right.keys()
        assert not [key for key in left if not same(left[key], right[key])]


@pytest.fixture
def short_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several blocks an epoch where mini-batches are fused."""
    monkeypatch.setattr(batch_blocks, "MAX_BATCHES", 2)


@pytest.mark.usefixtures("short_blocks")
@pytest.mark.parametrize("case", [*QUICK, pytest.param("full report", marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    "by",
    [
        pytest.param(Signal(2, 1), id="within an epoch"),
        pytest.param(Signal(1, -1), id="at its end", marks=pytest.mark.slow),
        pytest.param(Crash(3, 1), id="crash", marks=pytest.mark.slow),
    ],
)
def test_a_stopped_run_resumes_to_the_same_files(
    train: Callable[..., Any], tmp_path: Path, case: str, by: Callback
) -> None:
    overrides = (*IRIS, *CASES[case])
    whole, _ = train(*overrides)
    stopped = tmp_path / "stopped"
    interrupted(stopped, overrides, by)
    assert not (stopped / "scores.json").exists()
    mlplab.resume(stopped)
    assert_same(whole, stopped)


def test_a_run_with_fused_mini_batches_stops_within_the_epoch(tmp_path: Path, short_blocks: None) -> None:
    interrupted(tmp_path / "run", (*IRIS, "trainer.blocks=true"), Signal(2, 1))
    state = torch.load(tmp_path / "run" / "checkpoints" / "last.ckpt", weights_only=True)
    assert state["callbacks"]["Checkpoints"]["epochs"] == 2
    step = state["callbacks"]["Checkpoints"]["step"]
    assert step == 2 * 9 + 6, "nine batches an epoch, three blocks of two"


def test_a_run_that_was_stopped_twice_resumes_to_the_same_files(train: Callable[..., Any], tmp_path: Path) -> None:
    overrides = (*IRIS, *CASES["dropout, by step"])
    whole, _ = train(*overrides)
    interrupted(tmp_path / "stopped", overrides, Signal(0, 0))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ResumeState, "on_train_batch_end", Signal(3, 0).on_train_batch_end, raising=False)
        with pytest.raises(Stopped):
            mlplab.resume(tmp_path / "stopped")
    mlplab.resume(tmp_path / "stopped")
    assert_same(whole, tmp_path / "stopped")


@pytest.mark.usefixtures("short_blocks")
def test_a_run_that_ended_before_its_first_epoch_did_starts_again(train: Callable[..., Any], tmp_path: Path) -> None:
    whole, _ = train(*IRIS)
    interrupted(tmp_path / "stopped", IRIS, Crash(0, 1))
    mlplab.resume(tmp_path / "stopped")
    assert_same(whole, tmp_path / "stopped")


def test_a_run_that_was_stopped_in_its_test_is_tested(train: Callable[..., Any]) -> None:
    run, known = train(*IRIS)
    (run / "scores.json").unlink()
    before = history(run), curves(run)
    assert timeless(mlplab.resume(run)) == timeless(known)
    assert (history(run), curves(run)) == before


def test_a_run_whose_early_stopping_ended_it_is_not_trained_further(train: Callable[..., Any]) -> None:
    overrides = (*IRIS, "callback=early_stopping", "callback.early_stopping.patience=1", "optimizer.lr=0.3")
    run, known = train(*overrides, "trainer.max_epochs=50")
    assert known["epochs"] < 50, "the case is meant to stop early"
    (run / "scores.json").unlink()
    assert timeless(mlplab.resume(run)) == timeless(known)
    assert mlplab.resume(run, max_epochs=60)["epochs"] == known["epochs"]


@pytest.mark.parametrize("wrong", [0, 1], ids=["best after", "best before"])
def test_a_finished_run_resumes_to_more_epochs_as_if_planned(train: Callable[..., Any], wrong: int) -> None:
    """If all labels are wrong, training makes the validation loss worse."""
    overrides = (*IRIS, "model.dropout=0.5", f"data.label_noise={wrong}")
    short, _ = train(*overrides, "trainer.max_epochs=3")
    long, known = train(*overrides)
    assert (known["best_epoch"] > 3) == (not wrong), "the case is meant to be so"
    assert timeless(mlplab.resume(short, max_epochs=6)) == timeless(known)
    assert_same(long, short)
    assert "max_epochs: 6" in (short / "config.yaml").read_text()


def test_max_time_limits_the_whole_run(train: Callable[..., Any]) -> None:
    run, known = train(*IRIS, "trainer.max_epochs=2")
    rows = (run / "history.csv").read_text().splitlines()
    late = [row.split(",") for row in rows[1:]]
    for row in late:
        row[2] = "3600.0"  # seconds
    (run / "history.csv").write_text("\n".join([rows[0], *map(",".join, late), ""]))
    longer = mlplab.resume(run, max_epochs=1000, max_time="00:01:00:01")
    assert known["epochs"] < longer["epochs"] < 1000
    assert longer["seconds"] > 3600


def test_resuming_a_finished_run_changes_nothing(train: Callable[..., Any], caplog: pytest.LogCaptureFixture) -> None:
    run, known = train(*IRIS)
    stamps = {path: path.stat().st_mtime_ns for path in run.rglob("*") if path.is_file()}
    with caplog.at_level("INFO"):
        assert mlplab.resume(run) == known
    assert "ended after epoch 6, as planned; trainer.max_epochs=N makes it longer" in caplog.text
    assert stamps == {path: path.stat().st_mtime_ns for path in run.rglob("*") if path.is_file()}


@pytest.fixture
def whole_and_stopped(train: Callable[..., Any], tmp_path: Path, short_blocks: None) -> tuple[Path, Path]:
    """A run that was not stopped, and one that was, within its fourth epoch."""
    whole, _ = train(*IRIS)
    interrupted(tmp_path / "stopped", IRIS, Signal(3, 1))
    return whole, tmp_path / "stopped"


def test_previous_ckpt_replaces_an_incomplete_last_ckpt(
    whole_and_stopped: tuple[Path, Path], caplog: pytest.LogCaptureFixture
) -> None:
    whole, stopped = whole_and_stopped
    last = stopped / "checkpoints" / "last.ckpt"
    last.write_bytes(last.read_bytes()[:-1000])
    mlplab.resume(stopped)
    assert "last.ckpt: is no checkpoint, or is cut short or damaged; resuming from previous.ckpt" in caplog.text
    assert_same(whole, stopped)


def test_previous_ckpt_is_kept_until_a_new_checkpoint_is_on_the_disk(
    whole_and_stopped: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, stopped = whole_and_stopped
    checkpoints = stopped / "checkpoints"
    good = (checkpoints / "previous.ckpt").read_bytes()
    (checkpoints / "last.ckpt").write_bytes(bytes(1000))

    def power_cut(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(files, "sync", power_cut)  # from the next writing on
        with pytest.raises((SystemExit, KeyboardInterrupt)):
            mlplab.resume(stopped)
    assert (checkpoints / "previous.ckpt").read_bytes() == good
    mlplab.resume(stopped)
    assert_same(whole, stopped)


@pytest.mark.parametrize(
    ("key", "value", "printed"),
    [
        ("optimizer.lr", 0.1, "0.1 there, 0.001 in the checkpoint"),
        ("batch_size", 5, "5 there, 10 in the checkpoint"),
        ("seed", 3, "3 there, 0 in the checkpoint"),
        ("model.hidden_features", [9], "[9] there, [8] in the checkpoint"),
        ("monitor", "accuracy/val", "accuracy/val there, loss/val in the checkpoint"),
    ],
)
def test_a_configuration_edited_by_hand_is_refused_before_the_folder_is_touched(
    train: Callable[..., Any], key: str, value: Any, printed: str
) -> None:
    run, _ = train(*IRIS)
    config = OmegaConf.load(run / "config.yaml")
    OmegaConf.update(config, key, value)
    OmegaConf.save(config, run / "config.yaml")
    files = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    with pytest.raises(UserError, match=re.escape(f"config.yaml was edited: {key}={printed}")):
        mlplab.resume(run, max_epochs=99)
    assert files == {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}


def test_a_stored_run_uses_no_module_that_the_caller_does_not_allow(
    train: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, _ = train(*IRIS)
    (tmp_path / "evil.py").write_text("open('HACKED', 'w')")
    monkeypatch.chdir(tmp_path)
    config = OmegaConf.load(run / "config.yaml")
    config.allow, config.model._target_ = ["evil"], "evil.Net"
    OmegaConf.save(config, run / "config.yaml")
    with pytest.raises(UserError, match=r"give allow=\[evil\] if you trust them"):
        mlplab.resume(run, max_epochs=9)
    assert not Path("HACKED").exists()


class Code:
    """Creates a file when it is unpickled without restrictions."""

    def __init__(self, witness: Path) -> None:
        self.call = (os.system, (f"touch {witness}",))

    def __reduce__(self) -> Any:
        return self.call


def as_the_command_does(run: Path) -> None:
    resume_job({"run": str(run), "trainer": {"max_epochs": 9, "max_time": None}, "allow": [], "debug": False})


@pytest.mark.parametrize("names", [("last",), ("last", "previous"), ("previous",)], ids=" and ".join)
@pytest.mark.parametrize("form", ["checkpoint", pytest.param("pickle", marks=pytest.mark.slow)])
@pytest.mark.parametrize("resume", [mlplab.resume, as_the_command_does])
def test_a_checkpoint_with_code_ends_in_one_line_and_nothing_is_run(
    train: Callable[..., Any],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    resume: Callable[..., Any],
    form: str,
    names: tuple[str, ...],
) -> None:
    """Even if previous.ckpt is good: damage hardly looks like this."""
    run, _ = train("data=iris", "trainer.max_epochs=2", "model.hidden_features=[8]")
    (run / "scores.json").unlink()
    witness, checkpoints = tmp_path / "witness", run / "checkpoints"
    for name in names:
        path = checkpoints / f"{name}.ckpt"
        if form == "pickle":
            path.write_bytes(pickle.dumps(Code(witness), protocol=2))
        else:
            torch.save({**torch.load(checkpoints / "best.ckpt", weights_only=True), "more": Code(witness)}, path)
    if names == ("previous",):
        (checkpoints / "last.ckpt").unlink()
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    with pytest.raises((UserError, SystemExit)) as refused:
        resume(run)
    printed = str(refused.value) if resume is mlplab.resume else caplog.messages[-1].removeprefix("mlplab: ")
    asks = "refused, nothing of it was run: it asks for posix.system, and weights need no code"
    assert printed == f"{checkpoints / names[0]}.ckpt: {asks}"
    assert not caplog.messages[resume is as_the_command_does :], "no other line"
    assert not witness.exists()
    assert before == {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}


def test_a_run_that_cannot_be_resumed_is_refused_in_one_line(train: Callable[..., Any], tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    table.write_text("\n".join(["x,y", *(f"{x},{2 * x}" for x in range(30))]))
    csv_run = ("data=csv", f"data.path={table}", "data.target=y", "data.task=regression", *SMALL)
    run, _ = train(*csv_run, "scheduler=cosine")
    with pytest.raises(UserError, match="scheduler=cosine depends on the length, 6 epochs"):
        mlplab.resume(run, max_epochs=9)
    with pytest.raises(UserError, match=r"trainer.max_epochs=2: .* has 6 epochs already"):
        mlplab.resume(run, max_epochs=2)
    (run / "scores.json").unlink()
    table.write_text(table.read_text().replace("29,58", "29,59"))
    with pytest.raises(UserError, match="data have changed"):
        mlplab.resume(run)
    for checkpoint in (run / "checkpoints").iterdir():
        checkpoint.unlink()
    before = (run / "history.csv").read_bytes()
    with pytest.raises(UserError, match=r"6 epochs in history.csv but no checkpoint"):
        mlplab.resume(run)
    assert (run / "history.csv").read_bytes() == before
