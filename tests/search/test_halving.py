"""Successive halving over a grid: who goes on, how long, and that it is as if it had never waited."""

import csv
import json
from pathlib import Path

import pytest

from mlplab.callback.history import read
from mlplab.search.halving import Round, rounds
from tests.conftest import door

SMALL = ("data=iris", "trainer.max_epochs=8", "model.hidden_features=[8]", "report.picture=false")


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ((9, 27, 3), [(9, 3), (3, 9), (1, 27)]),
        ((10, 50, 3), [(10, 6), (3, 18), (1, 50)]),
        ((4, 8, 2), [(4, 2), (2, 4), (1, 8)]),
        ((64, 4, 4), [(64, 1), (16, 4)]),
        ((2, 50, 3), [(2, 50)]),
        ((9, 27, 3, 5), [(9, 5), (3, 15), (1, 27)]),
    ],
)
def test_each_round_has_fewer_jobs_and_more_epochs(settings: tuple[int, ...], expected: list[tuple[int, int]]) -> None:
    assert rounds(*settings) == [Round(*one) for one in expected]


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
    lengths = sorted(len(read(run / "history.csv")) - 1 for run in runs.values())
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


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ("sweep.halving=true", "trainer.max_epochs=3,9"),
            "trainer.max_epochs=3,9: halving compares jobs that have it",
        ),
        (("sweep.halving=maybe", "seed=1,2"), "sweep.halving=maybe: true or false is needed, such as false"),
        (("sweep.halving=true", "seed=1,2", "hydra.sweeper.eta=1"), "hydra.sweeper.eta=1: must be a whole number"),
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
    assert answer.stderr == "mlplab: sweep.halving=true: is for a sweep; -m makes one\n"
