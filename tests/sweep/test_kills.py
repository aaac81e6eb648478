"""A sweep that is killed at any moment and resumed has the table and files of one that was not."""

import csv
import os
import random
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mlplab.run.load import read_checkpoint
from tests.conftest import REPO, door
from tests.run.test_kills import rows, wait
from tests.run.test_resume import assert_same

SETTINGS = (
    *("data=digits", "model.hidden_features=[64]", "model.dropout=0.3", "model.normalisation=batch"),
    *("scheduler=one_cycle", "trainer.accelerator=cpu", "report.every_n_steps=7", "report.picture=false"),
)
Moment = Callable[[Path, random.Random], None]


def jobs(sweep: Path) -> list[Path]:
    return [path for path in sweep.glob("*_*") if path.is_dir()]


def done(sweep: Path) -> int:
    return len(list(sweep.glob("*/scores.json")))


def at_the_start(sweep: Path, chance: random.Random) -> None:
    """While Hydra composes, the sweep's folder is made or looked through."""
    time.sleep(chance.uniform(0.4, 2))


def in_the_imports(sweep: Path, chance: random.Random) -> None:
    wait(lambda: any(jobs(sweep)))
    time.sleep(chance.uniform(0, 3))


def anywhere(sweep: Path, chance: random.Random) -> None:
    time.sleep(chance.uniform(0.5, 15))


def in_training(sweep: Path, chance: random.Random) -> None:
    before = sum(map(rows, jobs(sweep)))
    wait(lambda: sum(map(rows, jobs(sweep))) > before + 3)
    time.sleep(chance.uniform(0, 1))


def between_jobs(sweep: Path, chance: random.Random) -> None:
    before = done(sweep)
    wait(lambda: done(sweep) > before)
    time.sleep(chance.uniform(0, 0.05))


def kill(words: list[str], sweep: Path, moment: Moment, chance: random.Random, number: int) -> None:
    """Kill a sweep that is running: every file with its final name is complete, and one that was only interrupted
    prints how to resume."""
    process = subprocess.Popen(
        [sys.executable, str(REPO / "scripts" / "train.py"), *words],
        cwd=sweep.parents[2],
        env=dict(os.environ),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    moment(sweep, chance)
    process.send_signal(number)
    _, said = process.communicate()
    for path in sweep.glob("*/checkpoints/*.ckpt"):
        read_checkpoint(path)
    if number == signal.SIGKILL:
        assert process.returncode == -signal.SIGKILL, "it had ended before"
    else:
        assert process.returncode == 128 + number
        typed = shlex.split(said.splitlines()[-1].partition("; resume by: ")[2])
        assert set(typed[2:]) == {*words, "sweep.resume=true"}


def table(sweep: Path) -> list[dict[str, str]]:
    with open(sweep / "sweep.csv", newline="") as file:
        return [{name: value for name, value in row.items() if name != "seconds"} for row in csv.DictReader(file)]


def survive(tmp_path: Path, moments: list[tuple[Moment, int]], seed: int, epochs: int) -> None:
    chance = random.Random(seed)
    words = ["-m", *SETTINGS, f"trainer.max_epochs={epochs}", "optimizer.lr=0.01,0.001", "seed=0,1", "sweep.name=whole"]
    whole, killed = (tmp_path / "outputs" / "sweeps" / name for name in ("whole", "killed"))
    assert door("train", *words, cwd=tmp_path).returncode == 0
    words[-1] = "sweep.name=killed"
    for number, (moment, sent) in enumerate(moments):
        kill([*words, "sweep.resume=true"] if killed.exists() else words, killed, moment, chance, sent)
        found = [rows(run) for run in jobs(killed)]
        print(f"stop {number + 1}, {moment.__name__}: {done(killed)} jobs done, {found} rows")
    last = door("train", *words, *(["sweep.resume=true"] if killed.exists() else []), cwd=tmp_path)
    assert (last.returncode, last.stderr) == (0, "")
    assert table(whole) == table(killed)
    names = sorted(path.name for path in jobs(whole))
    assert len(names) == 4
    assert sorted(path.name for path in jobs(killed)) == names
    for name in names:
        assert_same(whole / name, killed / name)


@pytest.mark.slow
def test_three_kills_of_a_sweep_leave_no_trace(tmp_path: Path) -> None:
    moments = [(in_the_imports, signal.SIGKILL), (in_training, signal.SIGKILL), (between_jobs, signal.SIGKILL)]
    survive(tmp_path, [*moments, (in_training, signal.SIGINT)], seed=0, epochs=60)


@pytest.mark.long
def test_twenty_kills_of_a_sweep_leave_no_trace(tmp_path: Path) -> None:
    kills = [at_the_start, in_the_imports, in_training, anywhere] * 4
    kills += [between_jobs, between_jobs, in_training, anywhere]
    stops = [(in_training, signal.SIGTERM), (in_training, signal.SIGINT)]
    survive(tmp_path, [*((moment, signal.SIGKILL) for moment in kills), *stops], seed=1, epochs=1000)
