"""A job's folder tells what came of it."""

import json
from pathlib import Path

from mlplab.run.folder import NO_REASON, job_folder, read_outcome

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


def test_a_pruned_one_has_the_row_of_its_best_epoch_so_far(tmp_path: Path) -> None:
    (tmp_path / "history.csv").write_text(HISTORY)
    (tmp_path / "pruned.txt").write_text("after epoch 2\n")
    found = read_outcome(tmp_path, "loss/val")
    assert (found.state, found.reason) == ("pruned", "after epoch 2")
    assert found.scores == {"loss/train": 2, "loss/val": 1, "best_epoch": 1, "epochs": 2, "seconds": 0.2}


def test_a_failed_one_has_its_reason_and_one_that_was_killed_none(tmp_path: Path) -> None:
    assert read_outcome(tmp_path, "loss/val").reason == NO_REASON
    (tmp_path / "failure.txt").write_text("no room\n")
    assert (read_outcome(tmp_path, "loss/val").state, read_outcome(tmp_path, "loss/val").reason) == (
        "failed",
        "no room",
    )
