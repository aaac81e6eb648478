"""Successive halving over a grid: who goes on, how long, and that it is as if it had never waited."""

import csv
import json
import random
import shutil
import signal
import time
from pathlib import Path

import pytest

from mlplab.sweep.halving import ROUNDS_FILE
from mlplab.trainer.history import read_history
from tests.conftest import door
from tests.run.test_kills import rows, wait
from tests.run.test_resume import assert_same, checkpoint, curves, history, same
from tests.sweep.test_kills import SETTINGS, in_training, jobs, kill, table

SMALL = ("data=iris", "trainer.max_epochs=8", "model.hidden_features=[8]", "report.picture=false")


@pytest.mark.slow
def test_the_best_goes_on_and_is_the_run_that_trained_straight_on(tmp_path: Path) -> None:
    grid = ("optimizer.lr=1e-4,0.01", "scheduler=cosine,none")
    answer = door(
        "train", "-m", "sweep.halving=true", "hydra.sweeper.eta=2", *grid, *SMALL, "sweep.name=h", cwd=tmp_path
    )
    assert answer.returncode == 0, answer.stderr
    assert answer.stderr == ""
    assert "4 jobs, 4 to epoch 2, then 2 to epoch 4, then 1 to epoch 8 -> outputs/sweeps/h" in answer.stdout
    folder = tmp_path / "outputs" / "sweeps" / "h"
    runs = {path.name.partition("_")[0]: path for path in folder.iterdir() if path.is_dir()}
    lengths = sorted(len(read_history(run / "history.csv")) - 1 for run in runs.values())
    assert lengths == [2, 2, 4, 8]
    (best,) = [run for run in runs.values() if (run / "scores.json").exists()]
    assert "optimizer.lr=0.01" in best.name
    assert not (best / "pruned.txt").exists()
    assert sum((run / "pruned.txt").exists() for run in runs.values()) == 3
    with open(folder / "sweep.csv") as file:
        rows = list(csv.DictReader(file))
    assert rows[0]["job"] == best.name.partition("_")[0]
    schedule = best.name.rpartition("scheduler=")[2]
    straight = door("train", *SMALL, "optimizer.lr=0.01", f"scheduler={schedule}", "run_dir=whole", cwd=tmp_path)
    assert straight.returncode == 0, straight.stderr
    times = {"seconds", "samples_per_second"}
    halved, whole = (json.loads((run / "scores.json").read_text()) for run in (best, tmp_path / "whole"))
    assert {k: v for k, v in halved.items() if k not in times} == {k: v for k, v in whole.items() if k not in times}


def as_a_job_is_pruned(sweep: Path, chance: random.Random) -> None:
    before = len(list(sweep.glob("*/pruned.txt")))
    wait(lambda: len(list(sweep.glob("*/pruned.txt"))) > before)
    time.sleep(chance.uniform(0, 0.05))


def as_a_round_begins(sweep: Path, chance: random.Random) -> None:
    before = (sweep / ROUNDS_FILE).read_bytes() if (sweep / ROUNDS_FILE).exists() else b""
    wait(lambda: (sweep / ROUNDS_FILE).exists() and (sweep / ROUNDS_FILE).read_bytes() != before)
    time.sleep(chance.uniform(0, 0.3))


def in_a_later_round(sweep: Path, chance: random.Random) -> None:
    before = {run: max(rows(run), 41) for run in jobs(sweep)}
    wait(lambda: any(rows(run) > count for run, count in before.items()))
    time.sleep(chance.uniform(0, 0.3))


@pytest.mark.slow
def test_kills_of_a_halving_leave_no_trace(tmp_path: Path) -> None:
    chance = random.Random(0)
    how = ("sweep.halving=true", "hydra.sweeper.eta=2", "trainer.max_epochs=160", "optimizer.lr=0.01,0.001", "seed=0,1")
    words = ["-m", *SETTINGS, *how, "sweep.name=whole"]
    whole, killed = (tmp_path / "outputs" / "sweeps" / name for name in ("whole", "killed"))
    assert door("train", *words, cwd=tmp_path).returncode == 0
    words[-1] = "sweep.name=killed"
    moments = [(as_a_job_is_pruned, 9), (in_training, signal.SIGTERM), (as_a_round_begins, 9)]
    for moment, sent in [*moments, (in_a_later_round, 9), (in_a_later_round, signal.SIGINT)]:
        kill([*words, "sweep.resume=true"] if killed.exists() else words, killed, moment, chance, sent)
        states = {run.name.partition("_")[0]: (rows(run), (run / "pruned.txt").exists()) for run in jobs(killed)}
        print(f"{moment.__name__}: {states}")
    goes_on(tmp_path, words, whole, killed)
    out = next(run for run in jobs(killed) if (run / "pruned.txt").exists())
    (out / "pruned.txt").unlink()  # as of a kill between the checkpoint and this file
    shutil.rmtree(next(run for run in jobs(killed) if (run / "pruned.txt").exists()))
    goes_on(tmp_path, words, whole, killed)


def goes_on(tmp_path: Path, words: list[str], whole: Path, killed: Path) -> None:
    last = door("train", *words, "sweep.resume=true", cwd=tmp_path)
    assert (last.returncode, last.stderr) == (0, "")
    assert "4 jobs, 4 to epoch 40, then 2 to epoch 80, then 1 to epoch 160 -> outputs/sweeps/killed: " in last.stdout
    assert table(whole) == table(killed)
    assert (whole / ROUNDS_FILE).read_bytes() == (killed / ROUNDS_FILE).read_bytes()
    names = sorted(run.name for run in jobs(whole))
    assert sorted(run.name for run in jobs(killed)) == names
    ended = [name for name in names if (whole / name / "pruned.txt").exists()]
    assert len(ended) == 3
    for one, other in ((whole / name, killed / name) for name in names):
        if one.name not in ended:
            assert_same(one, other)
            continue
        assert (one / "pruned.txt").read_bytes() == (other / "pruned.txt").read_bytes()
        assert history(one) == history(other)
        assert curves(one) == curves(other)
        assert all(same(checkpoint(one, name), checkpoint(other, name)) for name in ("best", "last"))


@pytest.mark.slow
def test_a_plain_grid_does_not_go_on_as_a_halving(tmp_path: Path) -> None:
    words = ("-m", *SMALL, "seed=0,1", "sweep.name=s")
    assert door("train", *words, cwd=tmp_path).returncode == 0
    answer = door("train", *words, "sweep.halving=true", "sweep.resume=true", cwd=tmp_path)
    said = "mlplab: sweep.resume: outputs/sweeps/s is no halving: leave out sweep.halving=true\n"
    assert (answer.returncode, answer.stderr) == (1, said)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ("sweep.halving=true", "trainer.max_epochs=3,9"),
            "trainer.max_epochs=3,9: halving compares jobs that have it",
        ),
        (("sweep.halving=maybe", "seed=1,2"), "sweep.halving=maybe: must be true or false"),
        (("sweep.halving=true", "seed=1,2", "hydra.sweeper.eta=1"), "hydra.sweeper.eta=1: must be an integer"),
        (("sweep.halving=true", "seed=1,2", "hydra.sweeper.first=50"), "hydra.sweeper.first=50: must be below"),
        (("sweep.halving=true", "optimizer.lr=interval(0,1)"), "a grid has no end of it"),
    ],
)
def test_a_halving_that_makes_no_sense_is_refused_at_once(words: tuple[str, ...], said: str, tmp_path: Path) -> None:
    answer = door("train", "-m", "data=iris", *words, cwd=tmp_path)
    assert answer.returncode == 1
    assert answer.stderr.startswith(f"mlplab: {said}") or said in answer.stderr
    assert len(answer.stderr.splitlines()) == 1
    assert not list(tmp_path.glob("outputs/sweeps/*/*_*"))


def test_halving_without_a_sweep_is_refused(tmp_path: Path) -> None:
    answer = door("train", "sweep.halving=true", cwd=tmp_path)
    assert answer.stderr == "mlplab: sweep.halving=true: needs a sweep; add -m\n"
