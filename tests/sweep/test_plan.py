"""The plan of a sweep: every job is validated, and the folder checked, before the first job starts."""

import subprocess
import sys
from pathlib import Path

import pytest

from mlplab.run.folder import SWEEP_FILE
from mlplab.sweep.manifest import write_manifest
from tests.conftest import REPO, run_script
from tests.sweep.in_process import planned, refusal


@pytest.fixture(autouse=True)
def _working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_plan_has_the_jobs_of_the_grid_in_hydras_order(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan = planned("data=iris", "optimizer=sgd,adam", "seed=1,2", "sweep.name=s")
    names = [
        f"{number}_optimizer={optimizer},seed={seed}"
        for number, (optimizer, seed) in enumerate([("sgd", 1), ("sgd", 2), ("adam", 1), ("adam", 2)])
    ]
    assert [job.name for job in plan.jobs] == names
    assert [job.settings["seed"] for job in plan.jobs] == [1, 2, 1, 2]
    assert [config["seed"] for config, _ in plan.resolved.values()] == [1, 2, 1, 2]
    assert list(tmp_path.iterdir()) == [], "planning writes nothing"
    plan.claim()
    assert capsys.readouterr().out == "4 jobs -> outputs/sweeps/s\n"
    assert plan.num_waiting == 4
    assert plan.folder.is_dir()


def test_the_plan_of_a_halving_has_rounds_and_of_a_search_the_corners_of_its_space(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    halving = planned("data=iris", "sweep.halving=true", "hydra.sweeper.eta=2", "seed=1,2", "sweep.name=h", claim=True)
    assert halving.rounds is not None
    assert [(one.jobs, one.epochs) for one in halving.rounds] == [(2, 25), (1, 50)]
    pytest.importorskip("optuna", reason="needs optuna: pip install 'mlplab[search]'")
    search = planned("data=iris", "hydra/sweeper=tpe", "model.dropout=interval(0,0.5)", "sweep.name=t", claim=True)
    assert [job.settings["model.dropout"] for job in search.jobs] == [0.0, 0.5]
    assert (tmp_path / "outputs/sweeps/t/search/settings.json").exists()
    assert capsys.readouterr().out.splitlines() == [
        "2 jobs, 2 to epoch 25, then 1 to epoch 50 -> outputs/sweeps/h",
        "40 jobs, tpe over model.dropout -> outputs/sweeps/t",
    ]
    assert halving.num_waiting == search.num_waiting == 0, "no estimate is printed for them"


def test_a_resumed_plan_counts_what_waits_and_appends_new_jobs(capsys: pytest.CaptureFixture[str]) -> None:
    overrides = ("data=iris", "sweep.name=s")
    before = planned(*overrides, "seed=1,2", claim=True)
    write_manifest(before.folder, before.jobs, ["-m", *overrides])
    (before.folder / "0_seed=1").mkdir()
    (before.folder / "0_seed=1" / "scores.json").touch()
    (before.folder / "1_seed=2").mkdir()
    (before.folder / "1_seed=2" / "config.yaml").touch()
    capsys.readouterr()
    plan = planned(*overrides, "seed=0,1,2", "sweep.resume=true", claim=True)
    assert [job.name for job in plan.jobs] == ["0_seed=1", "1_seed=2", "2_seed=0"]
    assert plan.num_waiting == 2
    line = "3 jobs -> outputs/sweeps/s, 1 of them new: 1 finished, 1 half-done, 1 new\n"
    assert capsys.readouterr().out == line


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("data=iris", "optimizer.lr=0.1,0.01,-1"),
            "job 2 of 3 (data=iris optimizer.lr=-1): optimizer.lr=-1: must be a number above 0",
        ),
        (
            ("run_dir=x", "optimizer=glob(ada*)"),
            "run_dir: the runs of a sweep are in outputs/sweeps/<sweep.name>; set sweep.name instead",
        ),
        (("data=glob(zzz*)",), "the sweep has no jobs: no choice has such a name"),
        (("seed=1,2", "debug=true,false"), "debug: needs one value for the whole sweep"),
    ],
)
def test_a_sweep_that_is_not_valid_is_refused_and_nothing_is_written(
    arguments: tuple[str, ...], message: str, tmp_path: Path
) -> None:
    assert refusal(*arguments) == message
    assert list(tmp_path.iterdir()) == []


def test_a_sweep_of_the_same_name_is_not_overwritten(tmp_path: Path) -> None:
    folder = tmp_path / "outputs/sweeps/mine"
    folder.mkdir(parents=True)
    assert refusal("sweep.name=mine", "seed=1,2") == (
        "sweep.name: outputs/sweeps/mine exists already; name another, nothing is written over"
    )
    assert list(folder.iterdir()) == []
    (folder / SWEEP_FILE).touch()
    assert "; sweep.resume=true " in refusal("sweep.name=mine", "seed=1,2")


def test_the_command_ends_in_one_line_and_writes_nothing(tmp_path: Path) -> None:
    answer = run_script("train", "-m", "data=iris", "optimizer.lr=0.1,0.01,-1", cwd=tmp_path)
    assert (answer.returncode, answer.stdout) == (1, "")
    assert answer.stderr == (
        "mlplab: job 2 of 3 (data=iris optimizer.lr=-1): optimizer.lr=-1: must be a number above 0\n"
    )
    shown = run_script("train", "-m", "data=iris", "optimizer.lr=0.1,0.01,-1", "debug=true", cwd=tmp_path)
    assert shown.stderr.startswith("Traceback")
    assert shown.stderr.endswith("optimizer.lr=-1: must be a number above 0\n")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_sweeps_that_start_together_have_folders_of_their_own(tmp_path: Path) -> None:
    """Two without a name, two with the same."""
    command = [sys.executable, str(REPO / "scripts" / "train.py")]
    overrides = ["-m", "data=iris", "trainer.max_epochs=2", "seed=1,2"]
    names: list[list[str]] = [[], [], ["sweep.name=same"], ["sweep.name=same"]]
    started = [
        subprocess.Popen([*command, *overrides, *name], cwd=tmp_path, stdout=subprocess.DEVNULL) for name in names
    ]
    assert sorted(process.wait(timeout=300) for process in started) == [0, 0, 0, 1]
    sweeps = list((tmp_path / "outputs" / "sweeps").iterdir())
    assert len(sweeps) == 3
    for sweep in sweeps:
        assert sorted(path.name for path in sweep.glob("*_*")) == ["0_seed=1", "1_seed=2"]
        assert len(list(sweep.glob("*/scores.json"))) == 2
