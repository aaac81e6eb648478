"""A sweep that is killed at any moment and resumed has the table and files of one that was not."""

import csv
import random
import shlex
import signal
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from mlplab.command.job import train_job
from mlplab.run.load import read_checkpoint
from tests.conftest import run_script, stop_script, wait_until
from tests.run.test_kills import rows
from tests.run.test_resume import assert_same
from tests.sweep.in_process import sweep

SETTINGS = (
    *("data=digits", "model.hidden_features=[64]", "model.dropout=0.3", "model.normalisation=batch"),
    *("scheduler=one_cycle", "trainer.accelerator=cpu", "report.every_n_steps=7", "report.picture=false"),
)
Moment = Callable[[Path, random.Random], None]


def jobs(folder: Path) -> list[Path]:
    return [path for path in folder.glob("*_*") if path.is_dir()]


def done(folder: Path) -> int:
    return len(list(folder.glob("*/scores.json")))


def at_the_start(folder: Path, chance: random.Random) -> None:
    """While Hydra composes, or the folder of the sweep is created or read."""
    time.sleep(chance.uniform(0.4, 2))


def in_the_imports(folder: Path, chance: random.Random) -> None:
    wait_until(lambda: any(jobs(folder)))
    time.sleep(chance.uniform(0, 3))


def anywhere(folder: Path, chance: random.Random) -> None:
    time.sleep(chance.uniform(0.5, 15))


def in_training(folder: Path, chance: random.Random) -> None:
    before = sum(map(rows, jobs(folder)))
    wait_until(lambda: sum(map(rows, jobs(folder))) > before + 3)
    time.sleep(chance.uniform(0, 1))


def between_jobs(folder: Path, chance: random.Random) -> None:
    before = done(folder)
    wait_until(lambda: done(folder) > before)
    time.sleep(chance.uniform(0, 0.05))


def kill(overrides: list[str], folder: Path, moment: Moment, chance: random.Random, number: int) -> None:
    """Kills a sweep that is running: every file with its final name is complete, and one that was only interrupted
    prints how to resume."""
    if folder.exists():
        overrides = [*overrides, "sweep.resume=true"]
    wait = partial(moment, folder, chance)
    status, errors = stop_script("train", "-m", *overrides, cwd=folder.parents[2], wait=wait, number=number)
    for path in folder.glob("*/checkpoints/*.ckpt"):
        read_checkpoint(path)
    if number == signal.SIGKILL:
        assert status == -signal.SIGKILL, "it had ended before"
    else:
        assert status == 128 + number
        typed = shlex.split(errors.splitlines()[-1].partition("; resume by: ")[2])
        assert set(typed[2:]) == {"-m", *overrides, "sweep.resume=true"}


def table(folder: Path) -> list[dict[str, str]]:
    with open(folder / "sweep.csv", newline="") as file:
        return [{name: value for name, value in row.items() if name != "seconds"} for row in csv.DictReader(file)]


def kill_and_resume(folder: Path, moments: list[tuple[Moment, int]], seed: int, epochs: int) -> None:
    chance = random.Random(seed)
    whole, killed = folder.with_name("whole"), folder.with_name("killed")
    overrides = [*SETTINGS, f"trainer.max_epochs={epochs}", "optimizer.lr=0.01,0.001", "seed=0,1"]
    sweep(train_job, *overrides, "sweep.name=whole")
    overrides.append("sweep.name=killed")
    for number, (moment, sent) in enumerate(moments):
        kill(overrides, killed, moment, chance, sent)
        found = [rows(run) for run in jobs(killed)]
        print(f"stop {number + 1}, {moment.__name__}: {done(killed)} jobs done, {found} rows")
    last = run_script("train", "-m", *overrides, "sweep.resume=true", cwd=folder.parents[2])
    assert (last.returncode, last.stderr) == (0, "")
    assert table(whole) == table(killed)
    names = sorted(path.name for path in jobs(whole))
    assert len(names) == 4
    assert sorted(path.name for path in jobs(killed)) == names
    for name in names:
        assert_same(whole / name, killed / name)


@pytest.mark.slow
def test_three_kills_of_a_sweep_leave_no_trace(sweep_folder: Path) -> None:
    moments = [(in_the_imports, signal.SIGKILL), (in_training, signal.SIGKILL), (between_jobs, signal.SIGKILL)]
    kill_and_resume(sweep_folder, [*moments, (in_training, signal.SIGINT)], seed=0, epochs=60)


@pytest.mark.long
def test_twenty_kills_of_a_sweep_leave_no_trace(sweep_folder: Path) -> None:
    kills = [at_the_start, in_the_imports, in_training, anywhere] * 4
    kills += [between_jobs, between_jobs, in_training, anywhere]
    stops = [(in_training, signal.SIGTERM), (in_training, signal.SIGINT)]
    kill_and_resume(sweep_folder, [*((moment, signal.SIGKILL) for moment in kills), *stops], seed=1, epochs=1000)
