"""Jobs are sorted into stacks by what they share; a job that fits into none has a reason."""

from typing import Any

import pytest

import mlplab
from mlplab.config.tree import flatten, to_plain
from mlplab.stack.eligibility import group_jobs, why_not_stacked


def jobs(*overrides: str) -> list[dict[str, Any]]:
    return [to_plain(mlplab.configure("data=iris", *own.split())) for own in overrides]


@pytest.mark.parametrize(
    "own",
    [
        *("seed=1", "optimizer.lr=0.1", "optimizer.weight_decay=0.1", "optimizer.betas=[0.8,0.9]", "run_dir=elsewhere"),
        *("loss.label_smoothing=0.1", "model.initialisation=he_normal"),
    ],
)
def test_jobs_that_differ_in_a_value_that_may_differ_share_a_stack(own: str) -> None:
    assert group_jobs(jobs("", own)) == ([[0, 1]], {})


def test_folds_of_one_split_share_a_stack() -> None:
    folds = [f"data.folds={folds} data.fold={fold}" for folds in (2, 3) for fold in range(2)]
    assert group_jobs(jobs(*folds)) == ([[0, 1], [2, 3]], {})


@pytest.mark.parametrize(
    "other",
    [
        *("model.hidden_features=[5]", "batch_size=8", "data.split_seed=1", "optimizer=sgd", "trainer.max_epochs=3"),
        *("model.dropout=0.1", "activation=tanh", "data=wine", "loss=mse", "monitor=accuracy/val"),
    ],
)
def test_jobs_that_differ_in_anything_else_get_another_stack(other: str) -> None:
    assert group_jobs(jobs("", "seed=1", other, f"{other} seed=1")) == ([[0, 1], [2, 3]], {})


def test_a_job_unlike_the_others_trains_alone() -> None:
    assert group_jobs(jobs("", "seed=1", "batch_size=8")) == ([[0, 1]], {2: "no other job can share its stack"})


@pytest.mark.parametrize(
    ("overrides", "reason"),
    [
        ("optimizer=lbfgs", "optimizer=lbfgs"),
        ("trainer.precision=bf16-mixed", "trainer.precision=bf16-mixed"),
        ("callback=weight_averaging", "callback weight_averaging"),
        ("callback=[early_stopping,gradient_accumulation]", "callback gradient_accumulation"),
        ("trainer.max_time=00:00:10:00", "trainer.max_time"),
        ("trainer.compile=true", "trainer.compile=true"),
        ("report.histograms=true", "report.histograms"),
        ("report.graph=true report.trajectory=true", "report.graph, trajectory"),
        ("+trainer.accumulate_grad_batches=2", "unsupported trainer keys"),
        ("+optimizer.amsgrad=true", "unsupported optimizer keys"),
        ("optimizer=momentum scheduler=one_cycle scheduler.cycle_momentum=true", "scheduler.cycle_momentum=true"),
        ("callback=early_stopping scheduler=plateau", ""),
    ],
)
def test_a_job_that_cannot_be_stacked_has_a_reason(overrides: str, reason: str) -> None:
    (job,) = jobs(overrides)
    assert why_not_stacked(dict(flatten(job))) == reason
    assert group_jobs([job, job]).single == ({0: reason, 1: reason} if reason else {})


@pytest.mark.parametrize("group", ["model", "learner"])
def test_a_class_from_outside_the_package_is_not_stacked(group: str) -> None:
    (job,) = jobs("")
    job[group]["_target_"] = "mine.Net"
    assert why_not_stacked(dict(flatten(job))) == f"{group}={job['choice'][group]}"
