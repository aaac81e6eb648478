"""The folders of a stack can be resumed, evaluated and reopened like others; a sweep that is killed loses nothing."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import mlplab
from mlplab.data.leakage import format_leaks
from mlplab.run.build import build_splits
from mlplab.run.config_file import read_config
from mlplab.run.predictor import reopen
from mlplab.run.resume import resume
from mlplab.stack.train import Stack
from tests.conftest import REPO, run_script

Train = Callable[..., tuple[Path, dict[str, Any]]]
SMALL = (
    "data=iris",
    "model.hidden_features=[8]",
    "trainer.max_epochs=4",
    "trainer.accelerator=cpu",
    "model.dropout=0.1",
)

SWEEP = (
    *("-m", "hydra/launcher=stacked", "data=digits", "trainer.precision=64-true", "trainer.max_epochs=40"),
    *("model.hidden_features=[32]", "report.picture=false", "seed=0,1,2,3", "optimizer.lr=0.01,0.001"),
)
TWO_PROCESSES = {"OMP_NUM_THREADS": "2"}  # a process per thread
linux = pytest.mark.skipif(sys.platform != "linux", reason="processes are forked on Linux alone")


@pytest.fixture
def stack(tmp_path: Path) -> Callable[..., list[Path]]:
    """stack([overrides of each member], *base) -> their run folders."""

    def train(own: list[str], *base: str) -> list[Path]:
        folders = [tmp_path / f"member{index}" for index in range(len(own))]
        shared = (*SMALL, "report.picture=false", *base)
        configs = [
            mlplab.configure(*shared, *overrides.split(), f"run_dir={run}")
            for overrides, run in zip(own, folders, strict=True)
        ]
        jobs = Stack(configs, [f"#{index}" for index in range(len(own))])
        assert jobs.obstacle() == ""
        jobs.train()
        return folders

    return train


def files(run: Path) -> set[str]:
    """Without previous.ckpt, which exists where a checkpoint was written twice."""
    found = {str(path.relative_to(run)).split("events.")[0] for path in run.rglob("*")}
    return found - {"train.log", "checkpoints/previous.ckpt"}


def scalars(run: Path, split: str) -> dict[str, list[tuple[int, float]]]:
    events = EventAccumulator(str(run / "tensorboard" / split), size_guidance={"scalars": 0})
    events.Reload()
    return {
        tag: [(event.step, round(event.value, 4)) for event in events.Scalars(tag)] for tag in events.Tags()["scalars"]
    }


def test_a_member_has_the_files_of_its_single_run(stack: Callable[..., list[Path]], train: Train) -> None:
    for run, seed in zip(stack(["seed=1", "seed=2"], "report.every_n_steps=3"), (1, 2), strict=True):
        alone, scores = train(*SMALL, "report.every_n_steps=3", f"seed={seed}")
        assert files(run) == files(alone)
        own = json.loads((run / "scores.json").read_text())
        assert list(own) == list(scores)
        for name in own.keys() - {"seconds", "samples_per_second"}:
            expected = pytest.approx(scores[name], rel=1e-4) if isinstance(own[name], float) else scores[name]
            assert own[name] == expected
        for split in ("", "train", "val", "test"):
            assert scalars(run, split) == scalars(alone, split)
        assert (
            json.loads((run / "diagnosis.json").read_text()).keys()
            == json.loads((alone / "diagnosis.json").read_text()).keys()
        )
        with open(run / "history.csv") as mine, open(alone / "history.csv") as theirs:
            assert list(csv.DictReader(mine).fieldnames or []) == list(csv.DictReader(theirs).fieldnames or [])


def test_a_member_resumes_to_more_epochs_as_its_single_run_does(stack: Callable[..., list[Path]], train: Train) -> None:
    run = stack(["seed=1", "seed=2"], "trainer.precision=64-true")[1]
    longer = resume(run, max_epochs=7)
    _, alone = train(*SMALL, "trainer.precision=64-true", "seed=2", "trainer.max_epochs=7")
    assert longer["epochs"] == 7
    for name in ("loss/val", "loss/train", "loss/test", "accuracy/val"):
        assert longer[name] == pytest.approx(alone[name], rel=1e-9)


def test_a_reopened_member_predicts_what_its_single_run_predicts(
    stack: Callable[..., list[Path]], train: Train
) -> None:
    run = stack(["seed=1", "seed=2"])[0]
    alone, _ = train(*SMALL, "seed=1")
    rows = np.random.default_rng(0).normal(3, 1, (5, 4))
    assert np.allclose(reopen(run).predict(rows), reopen(alone).predict(rows), atol=1e-5)


def test_a_member_that_fails_records_why_and_the_others_train_on(stack: Callable[..., list[Path]]) -> None:
    bad, good = stack(["optimizer.lr=1e30", "seed=2"], "data=sine", "optimizer=sgd")
    assert "the loss became" in (bad / "failure.txt").read_text()
    assert not (bad / "scores.json").exists()
    assert (good / "scores.json").exists()


def test_an_obstacle_is_reported_before_anything_is_written(tmp_path: Path) -> None:
    config = mlplab.configure("data=iris", "+data.nothing=1", f"run_dir={tmp_path / 'run'}")
    assert "nothing" in Stack([config], ["#0"]).obstacle()
    assert not (tmp_path / "run").exists()


def test_a_member_whose_files_cannot_be_written_fails_alone(
    stack: Callable[..., list[Path]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "member0").mkdir()
    (tmp_path / "member0" / "tensorboard").write_text("a file where the folder should be")
    bad, good = stack(["seed=1", "seed=2"])
    assert "tensorboard" in (bad / "failure.txt").read_text()
    assert "mlplab: #0: " in capsys.readouterr().err
    assert not (bad / "scores.json").exists()
    assert (good / "scores.json").exists()


def test_members_whose_final_metrics_fail_keep_their_checkpoints(
    stack: Callable[..., list[Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise MemoryError

    monkeypatch.setattr("mlplab.stack.train.final_metrics", fail)
    for run in stack(["seed=1", "seed=2"]):
        assert (run / "failure.txt").read_text().startswith("out of memory")
        assert (run / "checkpoints" / "last.ckpt").exists()
        assert not (run / "scores.json").exists()


@linux
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_jobs_of_a_killed_process_are_finished_failed_or_not_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    train_part = Stack._train_part

    def killed(jobs: Stack, indices: Sequence[int]) -> dict[int, Any]:
        if 0 in indices:
            return train_part(jobs, indices)
        for index, file in ((1, "scores.json"), (2, "config.yaml")):
            run = Path(jobs.configs[index].run_dir)
            run.mkdir()
            (run / file).write_text('{"loss/val": 1.0}')
        os.kill(os.getpid(), signal.SIGKILL)
        return {}

    runs = [tmp_path / f"member{index}" for index in range(4)]
    jobs = Stack(
        [mlplab.configure(*SMALL, "report.picture=false", f"run_dir={run}") for run in runs],
        [f"#{index}" for index in range(4)],
    )
    assert jobs.obstacle() == ""
    jobs.parts = [[0], [1, 2, 3]]
    monkeypatch.setattr(Stack, "_train_part", killed)
    scores = jobs.train()
    assert list(scores) == [0, 1]
    assert scores[1] == {"loss/val": 1.0}
    assert scores[0] == json.loads((runs[0] / "scores.json").read_text())
    assert (runs[2] / "failure.txt").read_text() == "its process was killed: is there enough memory?\n"
    assert not runs[3].exists()
    errors = capsys.readouterr().err
    assert "mlplab: #2: its process was killed: is there enough memory?" in errors
    assert "mlplab: #3: not started, its process was killed" in errors


@pytest.mark.slow
def test_a_sweep_stacks_what_it_can_and_says_what_it_cannot(tmp_path: Path) -> None:
    overrides = (*SMALL, "report.picture=false", "sweep.name=s", "optimizer=adam,lbfgs", "seed=0,1,2")
    done = run_script("train", "-m", "hydra/launcher=stacked", *overrides, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "stacked: 3 of 6 jobs; singly: #3, #4, #5 (optimizer=lbfgs)" in done.stdout
    folders = sorted((tmp_path / "outputs/sweeps/s").glob("*_*"))
    assert [folder.name for folder in folders] == [
        f"{number}_optimizer={name},seed={seed}"
        for number, (name, seed) in enumerate((name, seed) for name in ("adam", "lbfgs") for seed in (0, 1, 2))
    ]
    assert all((folder / "scores.json").exists() for folder in folders)
    evaluated = run_script("evaluate", f"run={folders[1]}", cwd=tmp_path)
    assert evaluated.returncode == 0, evaluated.stderr


def test_a_member_that_was_saved_before_a_kill_resumes_as_if_nothing_had_happened(
    stack: Callable[..., list[Path]], train: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlplab.stack import train as stack_train
    from mlplab.stack.fit import StackedFit

    class Killed(BaseException):
        pass

    def kill(*_: Any) -> None:
        raise Killed

    monkeypatch.setattr(stack_train, "SAVE_INTERVAL", -1.0)
    monkeypatch.setattr(StackedFit, "_remove", lambda own, indices: kill() if indices else None)
    with pytest.raises(Killed):
        stack(["seed=1", "seed=2"], "trainer.precision=64-true")
    resumed = resume(tmp_path / "member1", max_epochs=6)
    _, alone = train(*SMALL, "trainer.precision=64-true", "seed=2", "trainer.max_epochs=6")
    assert resumed["loss/val"] == pytest.approx(alone["loss/val"], rel=1e-9)
    assert scalars(tmp_path / "member1", "val")["loss"][-1][0] == 6


@pytest.mark.slow
def test_a_stacked_sweep_resumes_and_grows(tmp_path: Path) -> None:
    """A started job resumes alone, new jobs are stacked; a job that fails ends the sweep under sweep.fail_fast."""
    overrides = ("-m", "hydra/launcher=stacked", *SMALL, "report.picture=false", "seed=0,1", "sweep.name=a")
    first = run_script("train", *overrides, "optimizer.lr=0.01", cwd=tmp_path)
    assert first.returncode == 0, first.stderr
    sweep = tmp_path / "outputs" / "sweeps" / "a"
    before = {run.name: (run / "history.csv").read_text() for run in sweep.glob("[0-9]_*")}
    next(sweep.glob("1_*/scores.json")).unlink()
    grown = run_script("train", *overrides, "optimizer.lr=0.01,0.1", "sweep.resume=true", cwd=tmp_path)
    assert grown.returncode == 0, grown.stderr
    assert "stacked: 2 of 3 jobs; singly: #1 (begun before)" in grown.stdout
    assert len((sweep / "sweep.csv").read_text().splitlines()) == 1 + 4
    assert all((sweep / name / "history.csv").read_text() == text for name, text in before.items())
    failing = (
        "sweep.name=b",
        "optimizer=sgd",
        "optimizer.lr=1e30,2e30",
        "sweep.fail_fast=true",
        "activation=relu,tanh",
    )
    stopped = run_script("train", *overrides[:-1], *failing, cwd=tmp_path)
    assert stopped.returncode == 1
    assert "failed and sweep.fail_fast=true: not started: " in stopped.stderr


@pytest.mark.slow
def test_a_member_of_a_fold_has_the_files_of_its_single_run(stack: Callable[..., list[Path]], train: Train) -> None:
    own = ["data.fold=0", "data.fold=1", "data.fold=1 seed=2"]
    base = ("data.folds=2", "data.leak_check=full", "trainer.precision=64-true")
    for run, overrides in zip(stack(own, *base), own, strict=True):
        alone, scores = train(*SMALL, *base, *overrides.split())
        assert files(run) == files(alone)
        own_scores = json.loads((run / "scores.json").read_text())
        numbers = [name for name in scores if "/" in name]
        assert [own_scores[name] for name in numbers] == pytest.approx([scores[name] for name in numbers], rel=1e-9)
        log = (run / "train.log").read_text()
        assert f"fold {overrides[10]} of 0 to 1" in log
        leaks = format_leaks(build_splits(read_config(run)))["leak"].splitlines()
        assert len(leaks) == 1, "iris has one pair of equal rows"
        assert leaks[0] in log
        resumed = resume(run, max_epochs=5)
        _, longer = train(*SMALL, *base, *overrides.split(), "trainer.max_epochs=5")
        assert resumed["loss/val"] == pytest.approx(longer["loss/val"], rel=1e-9)


@pytest.mark.slow
def test_cross_validation_trains_in_a_stack_per_fold_size_and_is_summarised_over_folds(tmp_path: Path) -> None:
    overrides = (*SMALL[1:], "data=wine", "report.picture=false", "cv=5", "optimizer.lr=0.01,1e-5")
    done = run_script("train", "-m", "hydra/launcher=stacked", *overrides, "sweep.name=s", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "10 jobs -> outputs/sweeps/s" in done.stdout
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("stacked: ")]
    assert sorted(line.removeprefix("stacked: ").removesuffix(" of 10 jobs").split(", ")) == ["4", "6"]
    assert "lr 0.01, with loss/val" in done.stdout
    assert "over 5 folds" in done.stdout
    assert "Nadeau and Bengio" in done.stdout
    one_by_one = run_script("train", "-m", *overrides, "sweep.name=t", cwd=tmp_path)
    rows = []
    for name in ("s", "t"):
        folders = (tmp_path / "outputs" / "sweeps" / name).glob("[0-9]_*/scores.json")
        rows.append({path.parent.name: json.loads(path.read_text())["loss/val"] for path in folders})
    assert one_by_one.returncode == 0
    assert len(rows[0]) == 10
    assert rows[0] == pytest.approx(rows[1], rel=1e-4)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, float]:
    """The best validation losses of an undisturbed sweep, by the folder of each job."""
    folder = tmp_path_factory.mktemp("undisturbed")
    assert run_script("train", *SWEEP, "sweep.name=s", cwd=folder, **TWO_PROCESSES).returncode == 0
    return losses(folder)


def losses(folder: Path) -> dict[str, float]:
    found = (folder / "outputs" / "sweeps" / "s").glob("*_*/scores.json")
    return {path.parent.name: json.loads(path.read_text())["loss/val"] for path in found}


def start_sweep(folder: Path, overrides: Sequence[str] = SWEEP, runs: int = 8) -> "subprocess.Popen[str]":
    """A sweep that has trained some epochs. runs: folders that it creates before the first epoch."""
    command = [sys.executable, str(REPO / "scripts" / "train.py"), *overrides, "sweep.name=s"]
    sweep = subprocess.Popen(
        command,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env=os.environ | TWO_PROCESSES,
    )
    until = time.monotonic() + 120
    while len(list((folder / "outputs").glob("**/config.yaml"))) < runs and time.monotonic() < until:
        time.sleep(0.05)
    time.sleep(1)
    return sweep


def children(sweep: int) -> list[int]:
    """The processes that train the members."""
    lists = [path.read_text().split() for path in Path("/proc", str(sweep), "task").glob("*/children")]
    return sorted(int(number) for numbers in lists for number in numbers)


@pytest.mark.slow
@linux
@pytest.mark.parametrize("how", ["kill", "Ctrl-C", "SIGTERM"])
def test_a_sweep_that_was_stopped_resumes(how: str, undisturbed: dict[str, float], tmp_path: Path) -> None:
    sweep = start_sweep(tmp_path)
    assert len(children(sweep.pid)) >= 2
    if how == "Ctrl-C":
        os.killpg(sweep.pid, signal.SIGINT)  # as a terminal sends it: to all
    else:
        sweep.send_signal(signal.SIGKILL if how == "kill" else signal.SIGTERM)
    _, error = sweep.communicate(timeout=60)
    assert sweep.returncode == {"kill": -9, "Ctrl-C": 130, "SIGTERM": 143}[how]
    assert how == "kill" or "sweep.resume=true" in error
    again = run_script("train", *SWEEP, "sweep.name=s", "sweep.resume=true", cwd=tmp_path, **TWO_PROCESSES)
    assert again.returncode == 0, again.stderr
    assert losses(tmp_path) == pytest.approx(undisturbed, rel=1e-9)


@pytest.mark.slow
@linux
def test_a_killed_process_fails_its_members_and_no_others(undisturbed: dict[str, float], tmp_path: Path) -> None:
    sweep = start_sweep(tmp_path)
    os.kill(children(sweep.pid)[0], signal.SIGKILL)
    _, error = sweep.communicate(timeout=120)
    assert sweep.returncode == 1
    lost = [line for line in error.splitlines() if "its process was killed: is there enough memory?" in line]
    assert 0 < len(lost) < 8
    assert len(losses(tmp_path)) == 8 - len(lost)
    again = run_script("train", *SWEEP, "sweep.name=s", "sweep.resume=failed", cwd=tmp_path, **TWO_PROCESSES)
    assert again.returncode == 0, again.stderr
    assert losses(tmp_path) == pytest.approx(undisturbed, rel=1e-9)


@pytest.mark.slow
@linux
def test_members_of_later_chunks_have_not_started_when_their_process_is_killed(tmp_path: Path) -> None:
    """They have not failed either, and train when the sweep is resumed."""
    longer = [override.replace("max_epochs=40", "max_epochs=150") for override in SWEEP]
    overrides = (*longer, "hydra.launcher.most=2")
    sweep = start_sweep(tmp_path, overrides, runs=4)
    os.kill(children(sweep.pid)[0], signal.SIGKILL)
    _, error = sweep.communicate(timeout=120)
    assert sweep.returncode == 1
    assert error.count("its process was killed: is there enough memory?") == 2
    assert error.count("not started, its process was killed") == 2
    assert len(list(tmp_path.glob("outputs/sweeps/s/*/failure.txt"))) == 2
    again = run_script("train", *overrides, "sweep.name=s", "sweep.resume=true", cwd=tmp_path, **TWO_PROCESSES)
    assert "stacked: 2 of 2 jobs" in again.stdout
    assert again.returncode == 1, "two have failed still"
    assert len(losses(tmp_path)) == 6
