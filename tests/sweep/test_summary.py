"""A sweep: a folder a job, failures that stop nobody else, one table, best first."""

import csv
from pathlib import Path

import pytest

from tests.conftest import door

SMALL = ("data=diabetes", "trainer.max_epochs=3", "model.hidden_features=[8]", "report.picture=false")


def test_a_sweep_goes_on_past_a_failed_job_and_ranks_the_others(tmp_path: Path) -> None:
    answer = door("train", "-m", *SMALL, "optimizer=sgd", "optimizer.lr=1e-4,1e8,0.1", "sweep.name=lrs", cwd=tmp_path)
    assert answer.returncode == 1
    folder = tmp_path / "outputs" / "sweeps" / "lrs"
    assert sorted(path.name for path in folder.iterdir() if path.is_dir()) == [
        "0_optimizer.lr=0.0001",
        "1_optimizer.lr=1e8" if (folder / "1_optimizer.lr=1e8").exists() else "1_optimizer.lr=100000000.0",
        "2_optimizer.lr=0.1",
    ]
    with open(folder / "sweep.csv") as file:
        rows = list(csv.DictReader(file))
    assert [row["job"] for row in rows] == ["2", "0", "1"]
    assert float(rows[0]["loss/val"]) < float(rows[1]["loss/val"])
    assert rows[2]["failure"].startswith("the loss became")
    assert rows[0]["failure"] == ""
    failed = [line for line in answer.stderr.splitlines() if line]
    assert len(failed) == 1
    assert failed[0].startswith("mlplab: #1 optimizer.lr=1")
    assert "job 1 failed: the loss became" in answer.stdout
    assert f"tensorboard --logdir {folder.relative_to(tmp_path)}" in answer.stdout


@pytest.mark.slow
def test_a_sweep_without_failures_exits_with_0_and_names_folders_by_swept_keys(tmp_path: Path) -> None:
    answer = door("train", "-m", *SMALL, "optimizer=sgd,adam", "optimizer.lr=0.1,0.01", cwd=tmp_path)
    assert answer.returncode == 0, answer.stderr
    assert answer.stderr == ""
    (folder,) = (tmp_path / "outputs" / "sweeps").iterdir()
    names = sorted(path.name for path in folder.iterdir() if path.is_dir())
    assert names == [
        "0_optimizer.lr=0.1,optimizer=sgd",
        "1_optimizer.lr=0.01,optimizer=sgd",
        "2_optimizer.lr=0.1,optimizer=adam",
        "3_optimizer.lr=0.01,optimizer=adam",
    ]
    for name in names:
        assert {"scores.json", "history.csv", "train.log", "tensorboard"} <= {p.name for p in (folder / name).iterdir()}
    assert "test" not in (folder / "sweep.csv").read_text().splitlines()[0]
