"""A search end to end: budget, seed, stops, several processes, pruned jobs that are no failures."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import REPO, door

pytest.importorskip("optuna", reason="needs optuna: pip install 'mlplab[search]'")

SMALL = ("data=iris", "trainer.max_epochs=4", "model.hidden_features=[8]", "report.picture=false")
LR = "optimizer.lr=tag(log,interval(1e-5,1))"


def searched(folder: Path) -> list[dict[str, str]]:
    with open(folder / "sweep.csv") as file:
        return sorted(csv.DictReader(file), key=lambda row: int(row["job"]))


def without_times(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    return [{name: value for name, value in row.items() if name != "seconds"} for row in rows]


def sweep_of(tmp_path: Path, name: str) -> Path:
    return tmp_path / "outputs" / "sweeps" / name


def states(folder: Path) -> list[str]:
    from mlplab.sweep.search import Study
    from mlplab.sweep.search_config import stored_search_config

    return [trial.state.name for trial in Study(folder, stored_search_config(folder)).trials]


@pytest.mark.slow
def test_tpe_with_pruning_keeps_its_budget_and_a_pruned_job_is_no_failure(tmp_path: Path) -> None:
    how = ("hydra/sweeper=tpe", "hydra.sweeper.num_jobs=6", "hydra.sweeper.first=2")
    prune = ("hydra.sweeper.pruner=median", "hydra.sweeper.grace=1", "sweep.name=s")
    answer = door("train", "-m", *how, *prune, LR, "optimizer=sgd,adam", *SMALL, cwd=tmp_path)
    assert answer.returncode == 0, answer.stderr
    assert answer.stderr == ""
    assert "6 jobs, tpe and median over optimizer.lr, optimizer -> outputs/sweeps/s" in answer.stdout
    folder = sweep_of(tmp_path, "s")
    rows = searched(folder)
    assert len(rows) == 6
    pruned = [row for row in rows if row["verdict"].startswith("pruned after epoch")]
    assert 1 <= len(pruned) < 6
    assert [state == "PRUNED" for state in states(folder)] == [row in pruned for row in rows]
    run = next(folder.glob(f"{pruned[0]['job']}_*"))
    assert {"history.csv", "checkpoints", "pruned.txt", "config.yaml"} <= {path.name for path in run.iterdir()}
    assert not (run / "failure.txt").exists()
    gone_on = door("resume", f"run={run.relative_to(tmp_path)}", cwd=tmp_path)
    assert gone_on.returncode == 0, gone_on.stderr
    assert json.loads((run / "scores.json").read_text())["epochs"] == 4
    assert not (run / "pruned.txt").exists()


@pytest.mark.slow
def test_the_seed_repeats_a_search_and_one_that_was_stopped_goes_on_as_if_it_had_not_been(tmp_path: Path) -> None:
    def words(name: str, jobs: int, *more: str) -> tuple[str, ...]:
        how = ("-m", "hydra/sweeper=tpe", f"hydra.sweeper.num_jobs={jobs}", "hydra.sweeper.first=3")
        return (*how, f"sweep.name={name}", LR, *SMALL, *more)

    for name, jobs, *more in (("a", 6), ("b", 4), ("b", 6, "hydra.sweeper.join=true"), ("c", 6, "seed=1")):
        answer = door("train", *words(str(name), int(jobs), *map(str, more)), cwd=tmp_path)
        assert answer.returncode == 0, answer.stderr
    a, b, c = (without_times(searched(sweep_of(tmp_path, name))) for name in "abc")
    assert a == b
    assert [row["optimizer.lr"] for row in a] != [row["optimizer.lr"] for row in c]


@pytest.mark.slow
def test_a_search_that_was_killed_goes_on_with_the_job_that_was_under_way(tmp_path: Path) -> None:
    words = ("-m", "hydra/sweeper=random", "hydra.sweeper.num_jobs=3", "sweep.name=k", LR, *SMALL)
    long = ("trainer.max_epochs=400", "trainer.blocks=false")
    whole = door("train", *words, *long, "sweep.name=whole", cwd=tmp_path)
    assert whole.returncode == 0, whole.stderr
    command = [sys.executable, str(REPO / "scripts" / "train.py"), *words, *long]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL) as process:
        second = sweep_of(tmp_path, "k")
        deadline = time.monotonic() + 120
        while not list(second.glob("1_*/checkpoints/last.ckpt")) and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
    assert states(second) == ["COMPLETE", "RUNNING"]
    again = door("train", *words, *long, "hydra.sweeper.join=true", cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert "#0 " not in again.stdout.split(" job ")[0]
    assert without_times(searched(second)) == without_times(searched(sweep_of(tmp_path, "whole")))


@pytest.mark.slow
def test_a_search_that_is_stopped_says_how_it_goes_on_and_does(tmp_path: Path) -> None:
    words = ("-m", "hydra/sweeper=random", "hydra.sweeper.num_jobs=1", "sweep.name=t", LR, *SMALL)
    words = (*words, "trainer.max_epochs=400", "trainer.blocks=false")
    command = [sys.executable, str(REPO / "scripts" / "train.py"), *words]
    with subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        deadline = time.monotonic() + 120
        while not list(sweep_of(tmp_path, "t").glob("0_*/checkpoints/last.ckpt")) and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 143
    assert said.endswith("mlplab: stopped; the same command with sweep.resume=true resumes the search\n")
    again = door("train", *words, "sweep.resume=true", cwd=tmp_path)
    assert (again.returncode, again.stderr) == (0, "")
    assert states(sweep_of(tmp_path, "t")) == ["COMPLETE"]


@pytest.mark.slow
def test_two_processes_share_a_search_and_its_budget(tmp_path: Path) -> None:
    words = ("-m", "hydra/sweeper=random", "hydra.sweeper.num_jobs=6", "sweep.name=two", LR, *SMALL)
    command = [sys.executable, str(REPO / "scripts" / "train.py"), *words]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "env": os.environ}
    with subprocess.Popen(command, cwd=tmp_path, **pipes) as first:
        while not (sweep_of(tmp_path, "two") / "search" / "settings.json").exists():
            time.sleep(0.02)
        with subprocess.Popen([*command, "hydra.sweeper.join=true"], cwd=tmp_path, **pipes) as second:
            said = [process.communicate(timeout=300) for process in (first, second)]
    assert [stderr for _, stderr in said] == ["", ""]
    own = [{line.split()[0] for line in stdout.splitlines() if line.startswith("#")} for stdout, _ in said]
    assert own[0] | own[1] == {f"#{number}" for number in range(6)}
    assert not own[0] & own[1]
    assert all(own)
    assert len(searched(sweep_of(tmp_path, "two"))) == 6


@pytest.mark.slow
def test_joblib_takes_as_many_suggestions_as_it_has_processes(tmp_path: Path) -> None:
    pytest.importorskip("hydra_plugins.hydra_joblib_launcher", reason="needs pip install 'mlplab[joblib]'")
    how = ("hydra/sweeper=tpe", "hydra.sweeper.num_jobs=4", "hydra/launcher=joblib", "hydra.launcher.n_jobs=2")
    answer = door("train", "-m", *how, "sweep.name=j", LR, *SMALL, cwd=tmp_path)
    assert answer.returncode == 0, answer.stderr
    assert states(sweep_of(tmp_path, "j")) == ["COMPLETE"] * 4


@pytest.mark.slow
def test_stacked_trains_suggestions_as_one_eight_at_a_time(tmp_path: Path) -> None:
    how = ("hydra/sweeper=tpe", "hydra.sweeper.num_jobs=10", "hydra.sweeper.first=4", "hydra/launcher=stacked")
    answer = door("train", "-m", *how, "sweep.name=st", LR, *SMALL, cwd=tmp_path)
    assert (answer.returncode, answer.stderr) == (0, "")
    assert [line for line in answer.stdout.splitlines() if line.startswith("stacked")] == [
        "stacked: 8 of 8 jobs",
        "stacked: 2 of 2 jobs",
    ]
    folder = sweep_of(tmp_path, "st")
    assert states(folder) == ["COMPLETE"] * 10
    rows = searched(folder)
    assert len({row["optimizer.lr"] for row in rows}) == 10
    single = door("train", *SMALL, f"optimizer.lr={rows[9]['optimizer.lr']}", "run_dir=one", cwd=tmp_path)
    assert single.returncode == 0, single.stderr
    alone = json.loads((tmp_path / "one" / "scores.json").read_text())
    assert float(rows[9]["loss/val"]) == pytest.approx(alone["loss/val"], rel=1e-4)


@pytest.mark.slow
def test_a_stack_of_suggestions_that_was_killed_goes_on(tmp_path: Path) -> None:
    """Those that were asked for together are the same, and the next ones too."""
    how = ("-m", "hydra/sweeper=tpe", "hydra.sweeper.num_jobs=12", "hydra.sweeper.first=4", "hydra/launcher=stacked")
    words = (*how, LR, *SMALL, "trainer.max_epochs=100")
    assert door("train", *words, "sweep.name=whole", cwd=tmp_path).returncode == 0
    command = [sys.executable, str(REPO / "scripts" / "train.py"), *words, "sweep.name=k"]
    folder = sweep_of(tmp_path, "k")
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 120
        while not (folder / "search").exists() or len(list(folder.glob("*_*/config.yaml"))) < 8:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process.kill()
    again = door("train", *words, "sweep.name=k", "sweep.resume=true", cwd=tmp_path)
    assert (again.returncode, again.stderr) == (0, "")
    rows, whole = (without_times(searched(sweep_of(tmp_path, name))) for name in ("k", "whole"))
    assert [row["optimizer.lr"] for row in rows[:8]] == [row["optimizer.lr"] for row in whole[:8]]
    assert states(folder) == ["COMPLETE"] * 12


@pytest.mark.slow
def test_another_search_of_the_same_name_is_refused(tmp_path: Path) -> None:
    words = ("-m", "hydra/sweeper=random", "hydra.sweeper.num_jobs=1", "sweep.name=s", *SMALL)
    assert door("train", *words, LR, cwd=tmp_path).returncode == 0
    again = door("train", *words, LR, cwd=tmp_path)
    assert "sweep.name: outputs/sweeps/s exists already" in again.stderr
    other = door("train", *words, "optimizer.lr=interval(1e-4,1)", "hydra.sweeper.join=true", cwd=tmp_path)
    assert other.returncode == 1
    assert "hydra.sweeper.join: outputs/sweeps/s searches otherwise: searched was" in other.stderr
    assert len(other.stderr.splitlines()) == 1


@pytest.mark.slow
def test_a_failed_job_is_told_as_such_and_the_search_goes_on(tmp_path: Path) -> None:
    how = ("hydra/sweeper=random", "hydra.sweeper.num_jobs=2", "optimizer=sgd", "optimizer.lr=1e9,1e8")
    answer = door("train", "-m", *how, "sweep.name=f", *SMALL, "data=diabetes", cwd=tmp_path)
    assert answer.returncode == 1
    rows = searched(sweep_of(tmp_path, "f"))
    assert all(row["failure"].startswith("the loss became") for row in rows)
    assert states(sweep_of(tmp_path, "f")) == ["PRUNED"] * 2
