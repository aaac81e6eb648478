"""A process killed by SIGKILL at any moment, resumed each time: the files are those of a run that was not killed."""

import random
import signal
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

import mlplab
from mlplab.run.load import read_checkpoint
from tests.conftest import run_script, stop_script, wait_until
from tests.run.test_resume import assert_same

SETTINGS = (
    *("data=digits", "model.hidden_features=[64]", "model.dropout=0.3", "model.normalisation=batch"),
    *("scheduler=one_cycle", "callback=early_stopping", "callback.early_stopping.patience=100000"),
    *("trainer.accelerator=cpu", "report.every_n_steps=7"),
)
Moment = Callable[[Path, random.Random, int], None]


def in_the_imports(run: Path, chance: random.Random, _: int) -> None:
    wait_until((run / "config.yaml").exists)
    time.sleep(chance.uniform(0, 2))


def anywhere(run: Path, chance: random.Random, _: int) -> None:
    """In the imports, while data are read, in training."""
    time.sleep(chance.uniform(0.5, 12))


def in_training(run: Path, chance: random.Random, _: int) -> None:
    before = rows(run)
    wait_until(lambda: rows(run) not in (0, before))
    time.sleep(chance.uniform(0, 2))


def in_a_checkpoint(run: Path, chance: random.Random, _: int) -> None:
    wait_until((run / "checkpoints" / "last.ckpt.tmp").exists)
    time.sleep(chance.uniform(0, 0.004))


def in_the_evaluation(run: Path, chance: random.Random, epochs: int) -> None:
    """In the evaluation of this process, which writes the history again if it starts after the last epoch."""
    history = run / "history.csv"
    before = history.stat().st_mtime_ns if history.exists() else 0
    wait_until(lambda: rows(run) == epochs + 1 and history.stat().st_mtime_ns != before)
    time.sleep(chance.uniform(0, 0.1))


def rows(run: Path) -> int:
    """The number of rows in the history, with that of epoch 0."""
    history = run / "history.csv"
    return max(0, history.read_bytes().count(b"\n") - 1) if history.exists() else 0


def kill(script: str, arguments: tuple[str, ...], run: Path, wait: Callable[[], None]) -> None:
    """Kills a process that is running: every checkpoint with its final name is complete."""
    status, errors = stop_script(script, *arguments, cwd=run.parent, wait=wait, number=signal.SIGKILL)
    assert errors == ""
    assert status == -signal.SIGKILL, "it had ended before"
    for name in ("best", "last", "previous"):
        if (path := run / "checkpoints" / f"{name}.ckpt").exists():
            read_checkpoint(path)


def kill_and_resume(tmp_path: Path, moments: list[Moment], seed: int, epochs: int) -> None:
    chance = random.Random(seed)
    whole, run = tmp_path / "whole", tmp_path / "killed"
    overrides = (*SETTINGS, f"trainer.max_epochs={epochs}")
    mlplab.train(mlplab.configure(*overrides, f"run_dir={whole}"))
    for number, moment in enumerate(moments):
        started = (run / "config.yaml").exists()
        command = ("resume", ("run=killed",)) if started else ("train", (*overrides, "run_dir=killed"))
        kill(*command, run, partial(moment, run, chance, epochs))
        done = rows(run)
        print(f"kill {number + 1}, {moment.__name__}: {f'after {done - 1} epochs' if done else 'before epoch 0'}")
    last = run_script("resume", "run=killed", cwd=tmp_path)
    assert last.returncode == 0, last.stderr
    assert_same(whole, run)


@pytest.mark.slow
def test_four_kills_leave_no_trace(tmp_path: Path) -> None:
    kill_and_resume(tmp_path, [in_the_imports, in_training, in_a_checkpoint, in_the_evaluation], seed=0, epochs=200)


@pytest.mark.long
def test_twenty_kills_leave_no_trace(tmp_path: Path) -> None:
    moments = [*[anywhere, in_training, in_a_checkpoint] * 6, in_the_evaluation, in_the_evaluation]
    kill_and_resume(tmp_path, moments, seed=1, epochs=2000)
