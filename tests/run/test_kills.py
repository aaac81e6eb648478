"""A process killed by SIGKILL at any moment, resumed each time: the files are those of an undisturbed run."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mlplab.run.load import read_checkpoint
from tests.conftest import REPO, door
from tests.run.test_resume import assert_same

SETTINGS = (
    *("data=digits", "model.hidden_features=[64]", "model.dropout=0.3", "model.normalisation=batch"),
    *("scheduler=one_cycle", "callback=early_stopping", "callback.early_stopping.patience=100000"),
    *("trainer.accelerator=cpu", "report.every_n_steps=7"),
)
Moment = Callable[[Path, random.Random, int], None]


def in_the_imports(run: Path, chance: random.Random, _: int) -> None:
    wait((run / "config.yaml").exists)
    time.sleep(chance.uniform(0, 2))


def anywhere(run: Path, chance: random.Random, _: int) -> None:
    """In the imports, while data are read, in training."""
    time.sleep(chance.uniform(0.5, 12))


def in_training(run: Path, chance: random.Random, _: int) -> None:
    before = rows(run)
    wait(lambda: rows(run) not in (0, before))
    time.sleep(chance.uniform(0, 2))


def in_a_checkpoint(run: Path, chance: random.Random, _: int) -> None:
    wait((run / "checkpoints" / "last.ckpt.tmp").exists)
    time.sleep(chance.uniform(0, 0.004))


def in_the_evaluation(run: Path, chance: random.Random, epochs: int) -> None:
    """Of this process: one that begins after the last epoch writes the history anew."""
    history = run / "history.csv"
    before = history.stat().st_mtime_ns if history.exists() else 0
    wait(lambda: rows(run) == epochs + 1 and history.stat().st_mtime_ns != before)
    time.sleep(chance.uniform(0, 0.1))


def rows(run: Path) -> int:
    """Of the history, that of epoch 0 too; counted, not read: the machine has other work."""
    history = run / "history.csv"
    return max(0, history.read_bytes().count(b"\n") - 1) if history.exists() else 0


def wait(until: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 600
    while not until() and time.monotonic() < deadline:
        time.sleep(0.0005)


def kill(arguments: list[str], run: Path, moment: Moment, chance: random.Random, epochs: int) -> None:
    """While it is still at work. What it left under a final name is whole."""
    process = subprocess.Popen(
        [sys.executable, *arguments],
        cwd=run.parent,
        env=dict(os.environ),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    moment(run, chance, epochs)
    process.send_signal(signal.SIGKILL)
    _, said = process.communicate()
    assert said == ""
    assert process.returncode == -signal.SIGKILL, "it had ended before"
    for name in ("best", "last", "previous"):
        if (path := run / "checkpoints" / f"{name}.ckpt").exists():
            read_checkpoint(path)


def survive(tmp_path: Path, moments: list[Moment], seed: int, epochs: int) -> None:
    chance = random.Random(seed)
    whole, run = tmp_path / "whole", tmp_path / "killed"
    settings = (*SETTINGS, f"trainer.max_epochs={epochs}")
    assert door("train", *settings, "run_dir=whole", cwd=tmp_path).returncode == 0
    train = [str(REPO / "scripts" / "train.py"), *settings, "run_dir=killed"]
    resume = [str(REPO / "scripts" / "resume.py"), "run=killed"]
    for number, moment in enumerate(moments):
        begun = (run / "config.yaml").exists()
        kill(resume if begun else train, run, moment, chance, epochs)
        done = rows(run)
        print(f"kill {number + 1}, {moment.__name__}: {f'after {done - 1} epochs' if done else 'before epoch 0'}")
    last = door("resume", "run=killed", cwd=tmp_path)
    assert last.returncode == 0, last.stderr
    assert_same(whole, run)


@pytest.mark.slow
def test_four_kills_leave_no_trace(tmp_path: Path) -> None:
    survive(tmp_path, [in_the_imports, in_training, in_a_checkpoint, in_the_evaluation], seed=0, epochs=200)


@pytest.mark.long
def test_twenty_kills_leave_no_trace(tmp_path: Path) -> None:
    moments = [*[anywhere, in_training, in_a_checkpoint] * 6, in_the_evaluation, in_the_evaluation]
    survive(tmp_path, moments, seed=1, epochs=2000)
