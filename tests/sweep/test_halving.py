"""Successive halving of a grid: its rounds, which jobs resume, and that interruptions leave no trace."""

import csv
import json
import random
import shutil
import signal
import time
from pathlib import Path

import pytest

from mlplab.errors import UserError
from mlplab.sweep.halving import (
    ROUNDS_FILE,
    HalvingRecord,
    Round,
    check_same_rounds,
    format_rounds,
    halving_rounds,
    read_halving,
)
from mlplab.trainer.history_file import read_history
from tests.conftest import door
from tests.run.test_kills import rows, wait
from tests.run.test_resume import assert_same, checkpoint, curves, history, same
from tests.sweep.in_process import refusal
from tests.sweep.test_kills import SETTINGS, in_training, jobs, kill, table

SMALL = ("data=iris", "trainer.max_epochs=8", "model.hidden_features=[8]", "report.picture=false")


@pytest.mark.slow
def test_the_best_job_is_identical_to_an_uninterrupted_run(tmp_path: Path) -> None:
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
    before = {run: max(rows(run), 21) for run in jobs(sweep)}
    wait(lambda: any(rows(run) > count for run, count in before.items()))
    time.sleep(chance.uniform(0, 0.3))


@pytest.mark.slow
def test_kills_of_a_halving_leave_no_trace(tmp_path: Path) -> None:
    chance = random.Random(0)
    how = ("sweep.halving=true", "hydra.sweeper.eta=2", "trainer.max_epochs=80", "optimizer.lr=0.01,0.001", "seed=0,1")
    words = ["-m", *SETTINGS, *how, "sweep.name=whole"]
    whole, killed = (tmp_path / "outputs" / "sweeps" / name for name in ("whole", "killed"))
    assert door("train", *words, cwd=tmp_path).returncode == 0
    words[-1] = "sweep.name=killed"
    moments = [(as_a_job_is_pruned, 9), (in_training, signal.SIGTERM), (as_a_round_begins, 9)]
    for moment, sent in [*moments, (in_a_later_round, signal.SIGINT)]:
        kill([*words, "sweep.resume=true"] if killed.exists() else words, killed, moment, chance, sent)
        states = {run.name.partition("_")[0]: (rows(run), (run / "pruned.txt").exists()) for run in jobs(killed)}
        print(f"{moment.__name__}: {states}")
    resume_and_compare(tmp_path, words, whole, killed)
    out = next(run for run in jobs(killed) if (run / "pruned.txt").exists())
    (out / "pruned.txt").unlink()  # as of a kill between the checkpoint and this file
    shutil.rmtree(next(run for run in jobs(killed) if (run / "pruned.txt").exists()))
    resume_and_compare(tmp_path, words, whole, killed)


def resume_and_compare(tmp_path: Path, words: list[str], whole: Path, killed: Path) -> None:
    last = door("train", *words, "sweep.resume=true", cwd=tmp_path)
    assert (last.returncode, last.stderr) == (0, "")
    assert "4 jobs, 4 to epoch 20, then 2 to epoch 40, then 1 to epoch 80 -> outputs/sweeps/killed: " in last.stdout
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
def test_a_grid_is_not_resumed_as_a_halving(tmp_path: Path) -> None:
    words = ("-m", *SMALL, "seed=0,1", "sweep.name=s")
    assert door("train", *words, cwd=tmp_path).returncode == 0
    answer = door("train", *words, "sweep.halving=true", "sweep.resume=true", cwd=tmp_path)
    said = "mlplab: sweep.resume: outputs/sweeps/s is not a halving: remove sweep.halving=true\n"
    assert (answer.returncode, answer.stderr) == (1, said)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("trainer.max_epochs=3,9",), "trainer.max_epochs=3,9: must be the same for all jobs of a halving"),
        (("seed=1,2", "hydra.sweeper.eta=1"), "hydra.sweeper.eta=1: must be an integer from 2 to 100"),
        (("seed=1,2", "hydra.sweeper.first=50"), "hydra.sweeper.first=50: must be below trainer.max_epochs=50"),
        (
            ("optimizer.lr=interval(0,1)",),
            "optimizer.lr=interval(0,1): a grid needs single values; search an interval by hydra/sweeper=tpe or random",
        ),
    ],
)
def test_an_invalid_halving_is_refused(
    arguments: tuple[str, ...], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert refusal("data=iris", "sweep.halving=true", *arguments) == message
    assert refusal("data=iris", "sweep.halving=maybe", "seed=1,2").startswith(
        "sweep.halving=maybe: must be true or false"
    )
    assert list(tmp_path.iterdir()) == []


def test_halving_without_a_sweep_is_refused(tmp_path: Path) -> None:
    answer = door("train", "sweep.halving=true", cwd=tmp_path)
    assert answer.stderr == "mlplab: sweep.halving=true: needs a sweep; add -m\n"


ROUNDS = [Round(4, 2), Round(2, 4), Round(1, 8)]


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
    assert halving_rounds(*settings) == [Round(*one) for one in expected]


def test_rounds_are_printed_as_text() -> None:
    assert format_rounds(ROUNDS) == "4 to epoch 2, then 2 to epoch 4, then 1 to epoch 8"


def test_a_job_belongs_to_the_last_round_that_it_reaches(tmp_path: Path) -> None:
    record = HalvingRecord(ROUNDS, [[0, 1, 2, 3], [1, 3]])
    assert [record.last_round_jobs(place) for place in (0, 1)] == [[0, 2], [1, 3]]
    record.write(tmp_path)
    assert read_halving(tmp_path) == record


def test_a_halving_is_resumed_with_the_same_rounds_only(tmp_path: Path) -> None:
    assert read_halving(tmp_path) is None
    check_same_rounds(tmp_path, None, started=True)
    check_same_rounds(tmp_path, ROUNDS, started=False)
    with pytest.raises(UserError, match=r"is not a halving: remove sweep.halving=true"):
        check_same_rounds(tmp_path, ROUNDS, started=True)
    HalvingRecord(ROUNDS).write(tmp_path)
    check_same_rounds(tmp_path, ROUNDS, started=True)
    with pytest.raises(UserError, match=r"is a halving .4 to epoch 2, .*: give sweep.halving=true too"):
        check_same_rounds(tmp_path, None, started=True)
    with pytest.raises(UserError, match=r"its rounds were 4 to epoch 2, .*, now 2 to epoch 8: a halving cannot"):
        check_same_rounds(tmp_path, [Round(2, 8)], started=True)


@pytest.mark.parametrize("record", ["", "[]", "{}", '{"rounds": [[4]], "begun": []}'])
def test_a_damaged_record_is_reported(record: str, tmp_path: Path) -> None:
    (tmp_path / ROUNDS_FILE).write_text(record)
    with pytest.raises(UserError, match=r"cannot be read; give another sweep\.name"):
        read_halving(tmp_path)
