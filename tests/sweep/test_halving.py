"""Successive halving of a grid: its rounds, which jobs resume, and that interruptions leave no trace."""

import csv
import json
import random
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlplab.command.job import train_job
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
from mlplab.sweep.manifest import write_manifest
from mlplab.trainer.history_file import read_history
from tests.conftest import run_script, wait_until
from tests.run.test_kills import rows
from tests.run.test_resume import assert_same, checkpoint, curves, history, same, timeless
from tests.sweep.in_process import planned, refusal, sweep
from tests.sweep.test_kills import SETTINGS, in_training, jobs, kill, table

SMALL = ("data=iris", "trainer.max_epochs=8", "model.hidden_features=[8]", "report.picture=false")


@pytest.mark.slow
def test_the_best_job_is_identical_to_an_uninterrupted_run(
    sweep_folder: Path, train: Callable[..., tuple[Path, dict[str, Any]]], capfd: pytest.CaptureFixture[str]
) -> None:
    grid = ("optimizer.lr=1e-4,0.01", "scheduler=cosine,none")
    sweep(train_job, "sweep.halving=true", "hydra.sweeper.eta=2", *grid, *SMALL, "sweep.name=s")
    captured = capfd.readouterr()
    assert captured.err == ""
    assert "4 jobs, 4 to epoch 2, then 2 to epoch 4, then 1 to epoch 8 -> outputs/sweeps/s" in captured.out
    runs = {path.name.partition("_")[0]: path for path in sweep_folder.iterdir() if path.is_dir()}
    lengths = sorted(len(read_history(run / "history.csv")) - 1 for run in runs.values())
    assert lengths == [2, 2, 4, 8]
    (best,) = [run for run in runs.values() if (run / "scores.json").exists()]
    assert "optimizer.lr=0.01" in best.name
    assert not (best / "pruned.txt").exists()
    assert sum((run / "pruned.txt").exists() for run in runs.values()) == 3
    with open(sweep_folder / "sweep.csv") as file:
        assert next(csv.DictReader(file))["job"] == best.name.partition("_")[0]
    schedule = best.name.rpartition("scheduler=")[2]
    _, whole = train(*SMALL, "optimizer.lr=0.01", f"scheduler={schedule}")
    assert timeless(json.loads((best / "scores.json").read_text())) == timeless(whole)


def when_a_job_is_pruned(folder: Path, chance: random.Random) -> None:
    before = len(list(folder.glob("*/pruned.txt")))
    wait_until(lambda: len(list(folder.glob("*/pruned.txt"))) > before)
    time.sleep(chance.uniform(0, 0.05))


def when_a_round_starts(folder: Path, chance: random.Random) -> None:
    rounds = folder / ROUNDS_FILE
    before = rounds.read_bytes() if rounds.exists() else b""
    wait_until(lambda: rounds.exists() and rounds.read_bytes() != before)
    time.sleep(chance.uniform(0, 0.3))


def in_a_later_round(folder: Path, chance: random.Random) -> None:
    before = {run: max(rows(run), 11) for run in jobs(folder)}
    wait_until(lambda: any(rows(run) > count for run, count in before.items()))
    time.sleep(chance.uniform(0, 0.3))


@pytest.mark.slow
def test_kills_of_a_halving_leave_no_trace(sweep_folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    chance = random.Random(0)
    halving = ("sweep.halving=true", "hydra.sweeper.eta=2", "trainer.max_epochs=40")
    overrides = [*SETTINGS, *halving, "optimizer.lr=0.01,0.001", "seed=0,1"]
    whole, killed = sweep_folder.with_name("whole"), sweep_folder.with_name("killed")
    sweep(train_job, *overrides, "sweep.name=whole")
    overrides.append("sweep.name=killed")
    moments = [(when_a_job_is_pruned, 9), (in_training, signal.SIGTERM), (when_a_round_starts, 9)]
    for moment, sent in [*moments, (in_a_later_round, signal.SIGINT)]:
        kill(overrides, killed, moment, chance, sent)
        states = {run.name.partition("_")[0]: (rows(run), (run / "pruned.txt").exists()) for run in jobs(killed)}
        print(f"{moment.__name__}: {states}")
    last = run_script("train", "-m", *overrides, "sweep.resume=true", cwd=killed.parents[2])
    assert (last.returncode, last.stderr) == (0, "")
    assert "4 jobs, 4 to epoch 10, then 2 to epoch 20, then 1 to epoch 40 -> outputs/sweeps/killed: " in last.stdout
    assert_same_halving(whole, killed)

    pruned = [run for run in jobs(killed) if (run / "pruned.txt").exists()]
    (pruned[0] / "pruned.txt").unlink()  # as after a kill between the checkpoint and this file
    shutil.rmtree(pruned[1])
    capfd.readouterr()
    sweep(train_job, *overrides, "sweep.resume=true")
    assert capfd.readouterr().err == ""
    assert_same_halving(whole, killed)


def assert_same_halving(whole: Path, killed: Path) -> None:
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


def test_a_grid_is_not_resumed_as_a_halving(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    overrides = (*SMALL, "seed=0,1", "sweep.name=s")
    grid = planned(*overrides, claim=True)
    write_manifest(grid.folder, grid.jobs, ["-m", *overrides])
    (grid.folder / "0_seed=0").mkdir()
    (grid.folder / "0_seed=0" / "config.yaml").touch()
    message = "sweep.resume: outputs/sweeps/s is not a halving: remove sweep.halving=true"
    assert refusal(*overrides, "sweep.halving=true", "sweep.resume=true") == message


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
    answer = run_script("train", "sweep.halving=true", cwd=tmp_path)
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
