"""Ensembles of a sweep: their members, their names, and members that did not finish."""

from pathlib import Path
from typing import Any

import pytest

from mlplab.sweep.ensembles import group_by_seed, write_ensembles
from mlplab.sweep.manifest import Job


def job(number: int, folder: str, **settings: Any) -> Job:
    return Job(f"{number}_{folder}", [], settings)


def named(*jobs: Job) -> dict[str, list[str]]:
    return {name: [one.name.partition("_")[0] for one in members] for name, members in group_by_seed(jobs).items()}


def test_jobs_that_differ_only_in_the_seed_form_an_ensemble() -> None:
    assert named(
        job(0, "optimizer.lr=0.1,seed=0,trainer.max_epochs=3", lr=0.1, seed=0),
        job(1, "optimizer.lr=0.1,seed=1,trainer.max_epochs=3", lr=0.1, seed=1),
        job(2, "optimizer.lr=0.2,seed=0,trainer.max_epochs=3", lr=0.2, seed=0),
        job(3, "optimizer.lr=0.1,seed=12,trainer.max_epochs=3", lr=0.1, seed=12),
    ) == {
        "ensemble_optimizer.lr=0.1,trainer.max_epochs=3": ["0", "1", "3"],
        "ensemble_optimizer.lr=0.2,trainer.max_epochs=3": ["2"],
    }


def test_a_sweep_over_seeds_only_has_one_ensemble() -> None:
    assert named(job(0, "seed=0", seed=0), job(1, "seed=1", seed=1)) == {"ensemble": ["0", "1"]}


def test_another_split_seed_forms_another_ensemble_and_a_seed_counts_once() -> None:
    assert named(
        job(0, "data.split_seed=0,seed=0", split=0, seed=0),
        job(1, "data.split_seed=1,seed=0", split=1, seed=0),
        job(2, "data.split_seed=0,seed=0", split=0, seed=0),
    ) == {"ensemble_data.split_seed=0": ["0"], "ensemble_data.split_seed=1": ["1"]}


def test_truncated_or_equal_names_are_made_unique() -> None:
    long = "model.hidden_features=" + "-" * 80
    found = named(
        job(0, long[:100], width=1, seed=0),
        job(1, long[:100], width=2, seed=0),
        job(2, "data.path=a-b,seed=0", path="a/b", seed=0),
        job(3, "data.path=a-b,seed=0", path="a-b", seed=0),
    )
    assert [len(name) for name in found][:2] == [100, 100]
    assert [*found][2] == "ensemble_data.path=a-b"
    assert [*found][3].startswith("ensemble_data.path=a-b_")


def test_an_ensemble_with_an_unfinished_member_is_not_built_and_reported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    jobs = [job(number, f"seed={number}", seed=number) for number in range(3)]
    for one in jobs:
        (tmp_path / one.name).mkdir()
    (tmp_path / jobs[1].name / "scores.json").touch()
    (tmp_path / jobs[0].name / "failure.txt").touch()
    assert write_ensembles(tmp_path, jobs) == 1
    assert capsys.readouterr().err == "mlplab: ensemble was not built: 2 of its 3 members did not finish (jobs 0, 2)\n"
    assert not (tmp_path / "ensemble").exists()
