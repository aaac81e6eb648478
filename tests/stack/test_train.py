"""A stack leaves folders that every door takes: resume, evaluate, reopen; the launcher sorts a sweep's jobs."""

import csv
import json
from collections.abc import Callable
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
from tests.conftest import door

Train = Callable[..., tuple[Path, dict[str, Any]]]
SMALL = (
    "data=iris",
    "model.hidden_features=[8]",
    "trainer.max_epochs=4",
    "trainer.accelerator=cpu",
    "model.dropout=0.1",
)


@pytest.fixture
def stack(tmp_path: Path) -> Callable[..., list[Path]]:
    """stack([words of each member], *base) -> their run folders."""

    def train(own: list[str], *base: str) -> list[Path]:
        folders = [tmp_path / f"member{place}" for place in range(len(own))]
        words = [
            (*SMALL, "report.picture=false", *base, *one.split(), f"run_dir={run}")
            for one, run in zip(own, folders, strict=True)
        ]
        made = Stack([mlplab.configure(*one) for one in words], [f"#{place}" for place in range(len(own))])
        assert made.obstacle() == ""
        made.train()
        return folders

    return train


def files(run: Path) -> set[str]:
    """previous.ckpt is there where a checkpoint was written twice."""
    found = {str(path.relative_to(run)).split("events.")[0] for path in run.rglob("*")}
    return found - {"train.log", "checkpoints/previous.ckpt"}


def scalars(run: Path, split: str) -> dict[str, list[tuple[int, float]]]:
    events = EventAccumulator(str(run / "tensorboard" / split), size_guidance={"scalars": 0})
    events.Reload()
    return {tag: [(one.step, round(one.value, 4)) for one in events.Scalars(tag)] for tag in events.Tags()["scalars"]}


def test_a_member_leaves_what_a_single_run_leaves(stack: Callable[..., list[Path]], train: Train) -> None:
    for run, seed in zip(stack(["seed=1", "seed=2"], "report.every_n_steps=3"), (1, 2), strict=True):
        alone, scores = train(*SMALL, "report.every_n_steps=3", f"seed={seed}")
        assert files(run) == files(alone)
        held = json.loads((run / "scores.json").read_text())
        assert list(held) == list(scores)
        for name in held.keys() - {"seconds", "samples_per_second"}:
            assert held[name] == (
                pytest.approx(scores[name], rel=1e-4) if isinstance(held[name], float) else scores[name]
            )
        for split in ("", "train", "val", "test"):
            assert scalars(run, split) == scalars(alone, split)
        assert (
            json.loads((run / "diagnosis.json").read_text()).keys()
            == json.loads((alone / "diagnosis.json").read_text()).keys()
        )
        with open(run / "history.csv") as mine, open(alone / "history.csv") as theirs:
            assert list(csv.DictReader(mine).fieldnames or []) == list(csv.DictReader(theirs).fieldnames or [])


def test_a_member_goes_on_to_more_epochs_as_its_single_run_would(
    stack: Callable[..., list[Path]], train: Train
) -> None:
    run = stack(["seed=1", "seed=2"], "trainer.precision=64-true")[1]
    longer = resume(run, max_epochs=7)
    _, alone = train(*SMALL, "trainer.precision=64-true", "seed=2", "trainer.max_epochs=7")
    assert longer["epochs"] == 7
    for name in ("loss/val", "loss/train", "loss/test", "accuracy/val"):
        assert longer[name] == pytest.approx(alone[name], rel=1e-9)


def test_a_member_is_reopened_and_predicts_what_its_single_run_predicts(
    stack: Callable[..., list[Path]], train: Train
) -> None:
    run = stack(["seed=1", "seed=2"])[0]
    alone, _ = train(*SMALL, "seed=1")
    rows = np.random.default_rng(0).normal(3, 1, (5, 4))
    assert np.allclose(reopen(run).predict(rows), reopen(alone).predict(rows), atol=1e-5)


def test_a_member_that_fails_says_why_and_the_others_go_on(stack: Callable[..., list[Path]]) -> None:
    bad, good = stack(["optimizer.lr=1e30", "seed=2"], "data=sine", "optimizer=sgd")
    assert "the loss became" in (bad / "failure.txt").read_text()
    assert not (bad / "scores.json").exists()
    assert (good / "scores.json").exists()


def test_what_stands_in_the_way_is_told_before_anything_is_written(tmp_path: Path) -> None:
    config = mlplab.configure("data=iris", "+data.nothing=1", f"run_dir={tmp_path / 'run'}")
    assert "nothing" in Stack([config], ["#0"]).obstacle()
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_a_sweep_stacks_what_it_can_and_says_what_it_cannot(tmp_path: Path) -> None:
    words = (*SMALL, "report.picture=false", "sweep.name=s", "optimizer=adam,lbfgs", "seed=0,1,2")
    done = door("train", "-m", "hydra/launcher=stacked", *words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "stacked: 3 of 6 jobs; singly: #3, #4, #5 (optimizer=lbfgs)" in done.stdout
    folders = sorted((tmp_path / "outputs/sweeps/s").glob("*_*"))
    assert [folder.name for folder in folders] == [
        f"{number}_optimizer={name},seed={seed}"
        for number, (name, seed) in enumerate((name, seed) for name in ("adam", "lbfgs") for seed in (0, 1, 2))
    ]
    assert all((folder / "scores.json").exists() for folder in folders)
    evaluated = door("evaluate", f"run={folders[1]}", cwd=tmp_path)
    assert evaluated.returncode == 0, evaluated.stderr


def test_what_was_saved_before_a_kill_goes_on_as_if_nothing_had_been(
    stack: Callable[..., list[Path]], train: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlplab.stack import fit
    from mlplab.stack import train as stack_door

    class Killed(BaseException):
        pass

    def kill(*_: Any) -> None:
        raise Killed

    monkeypatch.setattr(stack_door, "EVERY", -1.0)
    monkeypatch.setattr(fit.StackedFit, "_drop", lambda own, places: kill() if places else None)
    with pytest.raises(Killed):
        stack(["seed=1", "seed=2"], "trainer.precision=64-true")
    going = resume(tmp_path / "member1", max_epochs=6)
    _, alone = train(*SMALL, "trainer.precision=64-true", "seed=2", "trainer.max_epochs=6")
    assert going["loss/val"] == pytest.approx(alone["loss/val"], rel=1e-9)
    assert scalars(tmp_path / "member1", "val")["loss"][-1][0] == 6


@pytest.mark.slow
def test_a_stacked_sweep_goes_on_and_grows(tmp_path: Path) -> None:
    """What was begun goes on by itself, what is new is stacked; a job that fails ends the sweep where that is asked."""
    words = ("-m", "hydra/launcher=stacked", *SMALL, "report.picture=false", "seed=0,1", "sweep.name=a")
    first = door("train", *words, "optimizer.lr=0.01", cwd=tmp_path)
    assert first.returncode == 0, first.stderr
    sweep = tmp_path / "outputs" / "sweeps" / "a"
    before = {run.name: (run / "history.csv").read_text() for run in sweep.glob("[0-9]_*")}
    next(sweep.glob("1_*/scores.json")).unlink()
    grown = door("train", *words, "optimizer.lr=0.01,0.1", "sweep.resume=true", cwd=tmp_path)
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
    stopped = door("train", *words[:-1], *failing, cwd=tmp_path)
    assert stopped.returncode == 1
    assert "failed and sweep.fail_fast=true: not started: " in stopped.stderr


@pytest.mark.slow
def test_of_folds_each_member_leaves_what_its_single_run_leaves(stack: Callable[..., list[Path]], train: Train) -> None:
    own = ["data.fold=0", "data.fold=1", "data.fold=1 seed=2"]
    base = ("data.folds=2", "data.leak_check=full", "trainer.precision=64-true")
    for run, words in zip(stack(own, *base), own, strict=True):
        alone, scores = train(*SMALL, *base, *words.split())
        assert files(run) == files(alone)
        held = json.loads((run / "scores.json").read_text())
        numbers = [name for name in scores if "/" in name]
        assert [held[name] for name in numbers] == pytest.approx([scores[name] for name in numbers], rel=1e-9)
        log = (run / "train.log").read_text()
        assert f"fold {words[10]} of 0 to 1" in log
        leaks = format_leaks(build_splits(read_config(run)))["leak"].splitlines()
        assert len(leaks) == 1, "iris has one pair of equal rows"
        assert leaks[0] in log
        going = resume(run, max_epochs=5)
        _, longer = train(*SMALL, *base, *words.split(), "trainer.max_epochs=5")
        assert going["loss/val"] == pytest.approx(longer["loss/val"], rel=1e-9)


@pytest.mark.slow
def test_a_cross_validation_trains_stacked_in_parts_of_one_size_and_is_told_over_folds(tmp_path: Path) -> None:
    words = (*SMALL[1:], "data=wine", "report.picture=false", "cv=5", "optimizer.lr=0.01,1e-5")
    done = door("train", "-m", "hydra/launcher=stacked", *words, "sweep.name=s", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "10 jobs -> outputs/sweeps/s" in done.stdout
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("stacked: ")]
    assert sorted(line.removeprefix("stacked: ").removesuffix(" of 10 jobs").split(", ")) == ["4", "6"]
    assert "lr 0.01, with loss/val" in done.stdout
    assert "over 5 folds" in done.stdout
    assert "Nadeau and Bengio" in done.stdout
    one_by_one = door("train", "-m", *words, "sweep.name=t", cwd=tmp_path)
    rows = []
    for name in ("s", "t"):
        folders = (tmp_path / "outputs" / "sweeps" / name).glob("[0-9]_*/scores.json")
        rows.append({path.parent.name: json.loads(path.read_text())["loss/val"] for path in folders})
    assert one_by_one.returncode == 0
    assert len(rows[0]) == 10
    assert rows[0] == pytest.approx(rows[1], rel=1e-4)
