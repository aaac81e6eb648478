"""Run folders: claimed by one process, and read for the state of a run and the jobs of a sweep."""

import json
import multiprocessing
from pathlib import Path
from typing import Any

import pytest

from mlplab.errors import UserError
from mlplab.run.folder import (
    NO_REASON,
    claim_folder,
    ensemble_folders,
    job_folder,
    job_folders,
    jobs_without_run,
    read_outcome,
    release_folder,
    run_state,
    state_text,
    swept_keys,
)

HISTORY = "epoch,step,seconds,lr,loss/train,loss/val\n0,0,0.0,0.1,3,3\n1,5,0.1,0.1,2,1\n2,10,0.2,0.1,1,2\n3,15,0.3,0.1,"


def test_the_folder_of_a_job_is_known_by_its_number(tmp_path: Path) -> None:
    (tmp_path / "1_a=1").mkdir()
    (tmp_path / "11_a=2").mkdir()
    assert job_folder(tmp_path, 1).name == "1_a=1"
    assert job_folder(tmp_path, 2) == tmp_path / "2"


def test_a_finished_job_has_its_scores(tmp_path: Path) -> None:
    (tmp_path / "scores.json").write_text(json.dumps({"loss/val": 0.5}))
    (tmp_path / "pruned.txt").write_text("of a round before\n")
    assert (read_outcome(tmp_path, "loss/val").state, read_outcome(tmp_path, "loss/val").scores) == (
        "finished",
        {"loss/val": 0.5},
    )


def test_a_pruned_run_has_the_row_of_its_best_epoch_so_far(tmp_path: Path) -> None:
    (tmp_path / "history.csv").write_text(HISTORY)
    (tmp_path / "pruned.txt").write_text("after epoch 2\n")
    found = read_outcome(tmp_path, "loss/val")
    assert (found.state, found.reason) == ("pruned", "after epoch 2")
    assert found.scores == {"loss/train": 2, "loss/val": 1, "best_epoch": 1, "epochs": 2, "seconds": 0.2}


def test_a_failed_run_has_its_reason_and_a_killed_one_has_none(tmp_path: Path) -> None:
    assert read_outcome(tmp_path, "loss/val").state == "new"
    (tmp_path / "config.yaml").touch()
    state = read_outcome(tmp_path, "loss/val").state
    assert (state, state_text(state)) == ("half-done", "unfinished")
    assert read_outcome(tmp_path, "loss/val").reason == NO_REASON
    (tmp_path / "failure.txt").write_text("no room\n")
    assert (read_outcome(tmp_path, "loss/val").state, read_outcome(tmp_path, "loss/val").reason) == (
        "failed",
        "no room",
    )


def test_jobs_are_known_by_number_and_finished_by_their_last_file(tmp_path: Path) -> None:
    for name in ("10_a=1", "9_a=2", "pictures", "1_"):
        (tmp_path / name).mkdir()
    (tmp_path / "3_a=1").write_text("a file")
    (tmp_path / "9_a=2" / "config.yaml").touch()
    (tmp_path / "9_a=2" / "scores.json").touch()
    assert [*job_folders(tmp_path).items()] == [
        (1, tmp_path / "1_"),
        (9, tmp_path / "9_a=2"),
        (10, tmp_path / "10_a=1"),
    ]
    assert [number for number, run in job_folders(tmp_path).items() if run_state(run) == "finished"] == [9]


def test_a_planned_job_without_a_run_is_named_by_its_overrides(tmp_path: Path) -> None:
    (tmp_path / "0_a=1").mkdir()
    (tmp_path / "0_a=1" / "config.yaml").touch()
    (tmp_path / "1_a=2").mkdir()
    jobs = [["a=1", "sweep.name=x"], ["a=2", "sweep.name=x"], ["a=3", "b=1", "sweep.name=x"]]
    assert jobs_without_run(tmp_path, jobs) == {1: "a=2", 2: "a=3 b=1"}


def test_the_name_of_a_job_folder_holds_the_swept_keys() -> None:
    run = Path("outputs/sweeps/s/12_model.hidden_features=-64,64-,optimizer.lr=0.1,optimizer=sgd")
    assert swept_keys(run) == ["model.hidden_features", "optimizer.lr", "optimizer"]
    assert swept_keys(Path("outputs/digits/2026-01-01_10-00-00-000001")) == []


def test_ensembles_are_no_jobs(tmp_path: Path) -> None:
    for name in ("ensemble_a=1", "ensemble_a=2", "0_a=1,seed=0"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.yaml").touch()
    (tmp_path / "ensemble_a=2" / "scores.json").touch()
    assert ensemble_folders(tmp_path) == [tmp_path / "ensemble_a=2"], "one that was not finished is none"
    assert [*job_folders(tmp_path)] == [0]


def test_a_folder_is_claimed_once(tmp_path: Path) -> None:
    claim_folder(tmp_path / "a" / "b", "run_dir")
    with pytest.raises(UserError, match="exists already"):
        claim_folder(tmp_path / "a" / "b", "run_dir")


def test_released_folders_are_removed_and_no_others(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    claim_folder(tmp_path / "mine" / "a" / "run", "run_dir")
    release_folder()
    assert [path.name for path in tmp_path.rglob("*")] == ["mine"]
    claim_folder(tmp_path / "mine" / "a" / "run", "run_dir")
    (tmp_path / "mine" / "a" / "other").mkdir()
    release_folder()
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a", "mine", "other"]


def test_a_folder_that_cannot_be_created_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be created"):
        claim_folder(tmp_path / "file" / "run", "run_dir")


def test_one_of_several_processes_that_claim_a_folder_gets_it(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    together, found = context.Barrier(4), context.Queue()
    processes = [context.Process(target=_claim, args=(tmp_path, together, found)) for _ in range(4)]
    for process in processes:
        process.start()
    won = [found.get(timeout=120) for _ in range(4 * 50)]
    for process in processes:
        process.join()
    assert sorted(name for name in won if name) == sorted(str(number) for number in range(50))


def _claim(folder: Path, together: Any, found: Any) -> None:
    for number in range(50):
        together.wait()
        try:
            claim_folder(folder / "sweeps" / str(number), "sweep.name")
            found.put(str(number))
        except UserError:
            found.put("")
