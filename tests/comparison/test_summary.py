"""At the end of a sweep: one table, best first, sweep.csv and the page; failures that stop nobody else."""

import csv
import re
from pathlib import Path

import pytest

from mlplab.comparison.summary import summarise, write_comparison
from tests.comparison.records import sweep, united
from tests.conftest import run_script

SMALL = ("data=diabetes", "trainer.max_epochs=3", "model.hidden_features=[8]", "report.picture=false")


@pytest.mark.slow
def test_a_sweep_continues_after_a_failed_job_and_ranks_the_others(tmp_path: Path) -> None:
    answer = run_script(
        "train", "-m", *SMALL, "optimizer=sgd", "optimizer.lr=1e-4,1e8,0.1", "sweep.name=lrs", cwd=tmp_path
    )
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
    assert re.search(r"^about .+ for the other 2 jobs, if they are like the first$", answer.stdout, re.MULTILINE)
    assert not (folder / "sweep.html").exists(), "report.picture=false"
    assert f"tensorboard --logdir {folder.relative_to(tmp_path)}" in answer.stdout


@pytest.mark.slow
def test_a_sweep_without_failures_exits_with_0_and_names_folders_by_swept_keys(tmp_path: Path) -> None:
    answer = run_script("train", "-m", *SMALL, "optimizer=sgd,adam", "optimizer.lr=0.1,0.01", cwd=tmp_path)
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
    again = run_script("compare", "sweep=last", cwd=tmp_path)
    assert (again.returncode, again.stderr) == (0, "")
    table = answer.stdout[answer.stdout.index("  optimizer  ") : answer.stdout.index("table  ")]
    assert table in again.stdout, "the same at the end and later"
    assert f"page      {folder.relative_to(tmp_path)}/sweep.html" in again.stdout
    names = {path.stem for path in (folder / "pictures").iterdir()}
    assert {"curves", "heat", "effect_optimizer", "effect_optimizer.lr"} <= names


def test_a_file_with_one_row_a_job_best_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sweep(tmp_path, {"optimizer=sgd": (0.5, 0.2), "optimizer=adam": (0.3, None)})
    jobs = [["optimizer=sgd"], ["optimizer=sgd"], ["optimizer=adam"], ["optimizer=adam"], ["optimizer=adam", "seed=2"]]
    assert summarise(tmp_path, jobs, picture=False) == 2
    with open(tmp_path / "sweep.csv") as file:
        rows = list(csv.DictReader(file))
    columns = ["optimizer", "optimizer.lr", "seed", "loss/val", "loss/train", "accuracy/val", "best_epoch", "seconds"]
    assert [*rows[0]] == ["job", *columns, "verdict", "failure"]
    assert [row["job"] for row in rows] == ["1", "2", "0", "3"]
    assert [row["loss/val"] for row in rows] == ["0.2", "0.3", "0.5", ""]
    assert rows[3]["failure"] == "the loss became nan"
    output = capsys.readouterr().out
    assert "job 3 failed: the loss became nan" in output
    assert "job 4 (optimizer=adam seed=2) was not started" in output


def test_a_killed_job_is_reported_with_its_epochs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sweep(tmp_path, {"optimizer.lr=0.1": (0.5,), "optimizer.lr=0.2": (0.5,)})
    next(tmp_path.glob("1_*/scores.json")).unlink()
    assert summarise(tmp_path, [["optimizer.lr=0.1"], ["optimizer.lr=0.2"]], picture=False) == 1
    assert "job 1 has not finished: 3 of 50 epochs" in capsys.readouterr().out


def test_a_pruned_job_is_no_failure_and_is_below_finished_ones(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sweep(tmp_path, {"optimizer.lr=0.1": (None,), "optimizer.lr=0.2": (0.1,), "optimizer.lr=0.3": (0.5,)})
    pruned = next(tmp_path.glob("1_*"))
    (pruned / "scores.json").unlink()
    (pruned / "pruned.txt").write_text("after epoch 3: others are better\n")
    (pruned / "history.csv").write_text("epoch,loss/val,seconds\n0,2.0,0\n1,0.4,1\n2,0.2,2\n3,0.3,3\n")
    jobs = [[f"optimizer.lr=0.{number}"] for number in (1, 2, 3)]
    assert summarise(tmp_path, jobs) == 1, "the failed one"
    with open(tmp_path / "sweep.csv") as file:
        rows = list(csv.DictReader(file))
    assert [row["job"] for row in rows] == ["2", "1", "0"]
    assert (rows[1]["loss/val"], rows[1]["best_epoch"], rows[1]["failure"]) == ("0.2", "2", "")
    assert rows[1]["verdict"] == "pruned after epoch 3: others are better"
    output = capsys.readouterr().out
    assert "job 1" not in output
    assert [line.split()[-1] for line in output.splitlines() if " - " in line] == ["pruned", "failed"]
    assert "best: lr 0.3, with loss/val 0.5" in output
    assert "3 runs of 3 configurations · 1 finished · 1 pruned" in (tmp_path / "sweep.html").read_text()


def test_pictures_are_written_and_old_ones_removed(tmp_path: Path) -> None:
    sweep(tmp_path, {"optimizer=sgd": (0.5, 0.2), "optimizer=adam": (0.3, 0.1)})
    (tmp_path / "pictures").mkdir()
    for name in ("heat.png", "mine.png"):
        (tmp_path / "pictures" / name).touch()
    assert summarise(tmp_path, []) == 0
    assert sorted(path.name for path in (tmp_path / "pictures").iterdir()) == [
        "cost_parameters.png",
        "curves.png",
        "effect_optimizer.png",
        "mine.png",
    ]
    assert f"python scripts/compare.py sweep={tmp_path}" in (tmp_path / "sweep.html").read_text()


def test_runs_outside_a_sweep_are_named_by_their_folders(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs = sweep(tmp_path / "runs", {"optimizer=sgd": (0.5, None)})
    write_comparison(runs, tmp_path, picture=False)
    with open(tmp_path / "sweep.csv") as file:
        assert [row["job"] for row in csv.DictReader(file)] == [str(run.folder) for run in runs]
    output = capsys.readouterr().out
    assert f"{runs[1].folder} failed: the loss became nan" in output
    assert "tensorboard" not in output


def test_a_sweep_without_finished_runs_has_a_table_and_no_page(tmp_path: Path) -> None:
    sweep(tmp_path, {"optimizer=sgd": (None,)})
    assert summarise(tmp_path, [["optimizer=sgd"]]) == 1
    assert (tmp_path / "sweep.csv").exists()
    assert not (tmp_path / "sweep.html").exists()


def test_a_sweep_without_runs_lists_its_jobs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert summarise(tmp_path, [["seed=1"]]) == 1
    assert "job 0 (seed=1) was not started" in capsys.readouterr().out


def test_ensembles_are_below_the_configurations(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs = sweep(tmp_path, {"optimizer.lr=0.1": (0.1, 0.3), "optimizer.lr=0.2": (0.2, 0.4)})
    united(runs[:2], loss_val=0.18, accuracy_test=0.5)
    one = united(runs[2:], loss_val=0.15, accuracy_test=0.6)
    assert summarise(tmp_path, [], picture=False) == 0
    output = capsys.readouterr().out
    table = output[output.index("ensembles: the mean of the members' predictions") :]
    assert "0.3000 -> 0.1500" in table
    assert "on the test set, for this ensemble only: accuracy/test 0.6000" in table
    assert "0.5000" not in table
    assert f"ensemble  {one.folder}" in table
    with open(tmp_path / "sweep.csv") as file:
        rows = list(csv.DictReader(file))
    assert [row["job"] for row in rows] == ["0", "2", "1", "3", one.folder.name, "ensemble_optimizer.lr=0.1"]
    assert (rows[4]["loss/val"], rows[4]["seed"], rows[4]["verdict"]) == ("0.15", "", "ensemble of 2")
