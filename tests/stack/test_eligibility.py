"""Jobs are sorted into stacks by what they share; what fits into none says why."""

from typing import Any

import pytest

import mlplab
from mlplab.config.tree import to_plain
from mlplab.stack.eligibility import group_jobs, why_not_stacked


def jobs(*words: str) -> list[dict[str, Any]]:
    return [to_plain(mlplab.configure("data=iris", *one.split())) for one in words]


@pytest.mark.parametrize(
    "own",
    [
        *("seed=1", "optimizer.lr=0.1", "optimizer.weight_decay=0.1", "optimizer.betas=[0.8,0.9]", "run_dir=elsewhere"),
        *("loss.label_smoothing=0.1", "model.initialisation=he_normal"),
    ],
)
def test_a_number_of_a_members_own_does_not_part_it_from_the_others(own: str) -> None:
    assert group_jobs(jobs("", own)) == ([[0, 1]], {})


def test_folds_of_one_cut_are_members_of_one_stack() -> None:
    folds = [f"data.folds={folds} data.fold={fold}" for folds in (2, 3) for fold in range(2)]
    assert group_jobs(jobs(*folds)) == ([[0, 1], [2, 3]], {})


@pytest.mark.parametrize(
    "other",
    [
        *("model.hidden_features=[5]", "batch_size=8", "data.split_seed=1", "optimizer=sgd", "trainer.max_epochs=3"),
        *("model.dropout=0.1", "activation=tanh", "data=wine", "loss=mse", "monitor=accuracy/val"),
    ],
)
def test_another_form_is_another_stack(other: str) -> None:
    assert group_jobs(jobs("", "seed=1", other, f"{other} seed=1")) == ([[0, 1], [2, 3]], {})


def test_a_job_like_no_other_runs_singly() -> None:
    assert group_jobs(jobs("", "seed=1", "batch_size=8")) == ([[0, 1]], {2: "no other job has its form"})


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("optimizer=lbfgs", "optimizer=lbfgs"),
        ("trainer.precision=bf16-mixed", "trainer.precision=bf16-mixed"),
        ("callback=weight_averaging", "callback weight_averaging"),
        ("callback=[early_stopping,gradient_accumulation]", "callback gradient_accumulation"),
        ("trainer.max_time=00:00:10:00", "trainer.max_time"),
        ("report.histograms=true", "report.histograms"),
        ("+trainer.accumulate_grad_batches=2", "trainer settings of its own"),
        ("+optimizer.amsgrad=true", "optimizer settings of its own"),
        ("optimizer=momentum scheduler=one_cycle scheduler.cycle_momentum=true", "scheduler.cycle_momentum=true"),
        ("callback=early_stopping scheduler=plateau", ""),
    ],
)
def test_what_stands_in_the_way_is_told(words: str, reason: str) -> None:
    assert why_not_stacked(jobs(words)[0]) == reason
