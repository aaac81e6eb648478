"""The comparison as text: tables, conclusions, ensembles."""

from pathlib import Path

import pytest

from mlplab.comparison.comparison import Comparison, group_runs
from mlplab.comparison.text import (
    best_ensemble_text,
    comparison_table,
    conclusion_text,
    ensemble_gains,
    footer_text,
    format_mean_std,
)
from tests.comparison.records import compared, sweep, united

SEEDS = {
    "optimizer.lr=0.1": (0.10, 0.12, 0.11),
    "optimizer.lr=0.2": (0.11, 0.10, 0.13),
    "optimizer.lr=0.3": (0.50, 0.52, None),
    "optimizer.lr=0.4": (None, None, None),
}


@pytest.mark.parametrize(
    ("mean", "std", "text"),
    [
        (0.123456, None, "0.1235"),
        (12345.6, None, "1.235e+04"),
        (0.09538, 0.00612, "0.0954 +- 0.0061"),
        (0.9, 0.1449, "0.90 +- 0.14"),
        (2.136, 0.0291, "2.136 +- 0.029"),
        (34.2, 12.4, "34 +- 12"),
        (0.5, 0.0, "0.5000 +- 0"),
        (0.11, 0.00999999, "0.110 +- 0.010"),
        (3.8e7, 4.1e7, "3.8e+07 +- 4.1e+07"),
        (1e-7, 2e-8, "1e-07 +- 2e-08"),
        (None, None, ""),
    ],
)
def test_std_has_two_figures_and_the_mean_as_many_places(mean: float | None, std: float | None, text: str) -> None:
    assert format_mean_std(mean, std) == text


def test_the_table_has_the_keys_that_differ_and_one_row_per_configuration(tmp_path: Path) -> None:
    header, rows = comparison_table(compared(tmp_path, SEEDS))
    assert header == ["", "optimizer.lr", "loss/val", "accuracy/val", "seeds", "seconds", "verdict", "against the best"]
    assert rows[0] == ["1", "0.1", "0.110 +- 0.010", "0.890 +- 0.010", "3", "2.00", "fits", "best"]
    assert rows[1][-1].startswith("may be chance, p 0.")
    assert rows[2][2:5] == ["0.510 +- 0.014", "0.490 +- 0.014", "2 of 3"]
    assert rows[2][-1].startswith("worse, p ")
    assert rows[3] == ["-", "0.4", "", "", "0 of 3", "", "failed", ""]
    assert len(comparison_table(compared(tmp_path / "again", SEEDS), limit=2)[1]) == 2


def test_test_scores_are_shown_for_the_best_only_unless_requested(tmp_path: Path) -> None:
    one = compared(tmp_path, SEEDS)
    table = [*comparison_table(one)[0], *(cell for row in comparison_table(one)[1] for cell in row)]
    assert not any("test" in cell or cell.startswith("10.") for cell in table)
    assert conclusion_text(one)[-1] == (
        "on the test set, for this configuration only: accuracy/test 0.1250 +- 0, loss/test 10.110 +- 0.010"
    )
    header, rows = comparison_table(one, tests=True)
    assert rows[2][header.index("loss/test")] == "10.510 +- 0.014"
    assert any("no estimate" in line for line in footer_text(one, tests=True))


def test_the_conclusion_names_the_ties(tmp_path: Path) -> None:
    one = compared(tmp_path, SEEDS)
    first, noise, _ = conclusion_text(one)
    assert first == "best: lr 0.1, with loss/val 0.110 +- 0.010 over 3 seeds"
    assert noise == "1 of 2 others may be just as good, variation over seeds explains the difference: lr 0.2"
    test = "Welch's t-test (of logarithms) against the best, Holm's correction for 2 comparisons"
    assert footer_text(one)[1] == f"may be chance: {test}, p at least 0.05"


def test_the_first_of_many_ties_are_named(tmp_path: Path) -> None:
    jobs = {f"optimizer.lr=0.{number}": (0.1, 0.2 + number / 1000, 0.3) for number in range(1, 8)}
    text = conclusion_text(compared(tmp_path, jobs))[1]
    assert text.startswith("6 of 6 others may be just as good")
    assert text.endswith("lr 0.2; lr 0.3; lr 0.4; lr 0.5 and 2 more")


@pytest.mark.parametrize(
    ("other", "text"),
    [
        ((9.0, 9.1, 9.2), "the other is worse; variation over seeds does not explain the difference"),
        ((0.11, 0.1, 0.13), "the other may be just as good, variation over seeds explains the difference"),
    ],
)
def test_of_two_configurations_the_other_is_judged(tmp_path: Path, other: tuple[float, ...], text: str) -> None:
    assert (
        conclusion_text(compared(tmp_path, {"optimizer.lr=0.1": (0.1, 0.12, 0.11), "optimizer.lr=0.2": other}))[1]
        == text
    )


def test_with_one_seed_each_more_seeds_are_suggested(tmp_path: Path) -> None:
    one = compared(tmp_path, {"optimizer.lr=0.1": (0.1,), "optimizer.lr=0.2": (0.2,)})
    assert "seed=0,1,2" in conclusion_text(one)[1]
    header, rows = comparison_table(one)
    assert "seeds" not in header
    assert rows[1][-1] == "unknown"
    assert footer_text(one) == []


def test_a_single_configuration_has_no_best(tmp_path: Path) -> None:
    assert (
        conclusion_text(compared(tmp_path, {"optimizer.lr=0.1": (0.10, 0.12, 0.11)}))[0]
        == "loss/val 0.110 +- 0.010 over 3 seeds"
    )


def test_scores_on_different_rows_are_noted(tmp_path: Path) -> None:
    (one,) = group_runs(sweep(tmp_path, {"data.noise=0.1": (0.1,), "data.noise=0.3": (0.2,)}, data="moons"))
    assert footer_text(one)[-1].startswith("data.noise: runs that differ in it were measured on different rows")


def test_no_finished_run_is_reported(tmp_path: Path) -> None:
    assert conclusion_text(compared(tmp_path, {"optimizer.lr=0.1": (None,)})) == ["no run has finished"]


def test_folds_are_called_folds(tmp_path: Path) -> None:
    jobs = {"optimizer.lr=0.1": (0.10, 0.12, 0.11), "optimizer.lr=0.2": (0.11, 0.13, 0.14)}
    (one,) = group_runs(sweep(tmp_path, jobs, folds=3, train_rows=80, val_rows=40))
    header, rows = comparison_table(one)
    assert header == ["", "optimizer.lr", "loss/val", "accuracy/val", "folds", "seconds", "verdict", "against the best"]
    assert rows[0][4] == "3"
    first, noise, _ = conclusion_text(one)
    assert first == "best: lr 0.1, with loss/val 0.110 +- 0.010 over 3 folds"
    assert noise == "the other may be just as good, variation over folds explains the difference"
    assert footer_text(one) == [
        "mean +- standard deviation over folds, each run at its best epoch",
        "may be chance: t-test paired by fold (of logarithms) against the best, p at least 0.05",
        "its variance is corrected for the training rows that folds share (Nadeau and Bengio, 2003)",
        "3 folds detect only large differences; more detect smaller ones",
    ]


def test_folds_and_seeds_together_are_called_runs(tmp_path: Path) -> None:
    jobs = {"optimizer.lr=0.1": (0.10, 0.12, 0.11, 0.12), "optimizer.lr=0.2": (0.31, 0.33, 0.34, 0.31)}
    (one,) = group_runs(sweep(tmp_path, jobs, folds=2, train_rows=50, val_rows=50))
    assert comparison_table(one)[0][4] == "runs"
    assert conclusion_text(one)[0].endswith("over 4 runs")
    assert footer_text(one)[0] == "mean +- standard deviation over folds and seeds, each run at its best epoch"


@pytest.fixture
def with_ensembles(tmp_path: Path) -> Comparison:
    runs = sweep(tmp_path, {"optimizer.lr=0.1": (0.1, 0.3), "optimizer.lr=0.2": (0.2, 0.4)})
    own = [
        united(runs[:2], loss_val=0.18, accuracy_val=0.9, accuracy_test=0.91, loss_test=0.3),
        united(runs[2:], loss_val=0.15, accuracy_val=0.8, accuracy_test=0.81, loss_test=0.4),
    ]
    (one,) = group_runs([*runs, *own])
    return one


def test_ensembles_have_their_own_table_best_first(with_ensembles: Comparison) -> None:
    assert [configuration.name for configuration in with_ensembles.configurations] == ["lr 0.1", "lr 0.2"]
    assert with_ensembles.columns == ["optimizer.lr"]
    header, rows = ensemble_gains(with_ensembles)
    score, accuracy = "loss/val, mean -> ensemble", "accuracy/val, mean -> ensemble"
    assert header == ["", "optimizer.lr", "members", score, accuracy, "folder"]
    assert rows == [
        ["1", "0.2", "2", "0.3000 -> 0.1500", "0.7000 -> 0.8000", "ensemble_optimizer.lr=0.2"],
        ["2", "0.1", "2", "0.2000 -> 0.1800", "0.8000 -> 0.9000", "ensemble_optimizer.lr=0.1"],
    ]


def test_test_scores_are_shown_for_the_best_ensemble_only_unless_requested(with_ensembles: Comparison) -> None:
    assert best_ensemble_text(with_ensembles) == [
        "best ensemble: lr 0.2, with loss/val 0.1500",
        "one ensemble per configuration: whether a difference between two ensembles may be chance is unknown",
        "on the test set, for this ensemble only: accuracy/test 0.8100, loss/test 0.4000",
    ]
    assert not any("test" in cell for cell in ensemble_gains(with_ensembles)[0])
    header, rows = ensemble_gains(with_ensembles, tests=True)
    assert rows[1][header.index("accuracy/test, mean -> ensemble")] == "0.1250 -> 0.9100"


def test_the_ensemble_of_a_single_configuration_has_no_name(tmp_path: Path) -> None:
    runs = sweep(tmp_path, {"optimizer.lr=0.1": (0.1, 0.3)})
    (one,) = group_runs([*runs, united(runs, loss_val=0.15)])
    assert ensemble_gains(one)[0] == [
        "",
        "members",
        "loss/val, mean -> ensemble",
        "accuracy/val, mean -> ensemble",
        "folder",
    ]
    assert best_ensemble_text(one) == ["ensemble of 2, with loss/val 0.1500"]
    assert best_ensemble_text(group_runs(runs)[0]) == []


def test_ensembles_without_runs_are_compared_as_configurations(tmp_path: Path) -> None:
    runs = sweep(tmp_path, {"optimizer.lr=0.1": (0.1, 0.3), "optimizer.lr=0.2": (0.2, 0.4)})
    (one,) = group_runs([united(runs[:2], loss_val=0.18), united(runs[2:], loss_val=0.15)])
    assert [configuration.name for configuration in one.configurations] == ["lr 0.2", "lr 0.1"]
    assert one.ensembles == []


def test_an_ensemble_without_its_members_has_only_its_own_score(tmp_path: Path) -> None:
    runs = sweep(tmp_path, {"optimizer.lr=0.1": (0.1, 0.3), "optimizer.lr=0.2": (0.2, 0.4)})
    (one,) = group_runs([*runs[2:], united(runs[:2], loss_val=0.18)])
    assert ensemble_gains(one)[1][0][2:4] == ["0.1800", ""]


def test_of_ensembles_on_different_splits_none_is_best(tmp_path: Path) -> None:
    runs = sweep(tmp_path, {"data.split_seed=0": (0.1, 0.3), "data.split_seed=1": (0.2, 0.4)})
    (one,) = group_runs([*runs, united(runs[:2], loss_val=0.15), united(runs[2:], loss_val=0.25)])
    header, rows = ensemble_gains(one)
    assert header[:3] == ["", "data.split_seed", "members"]
    assert [row[1] for row in rows] == ["0", "1"]
    text = "data.split_seed: ensembles that differ in it were measured on different rows, so none is best"
    assert best_ensemble_text(one) == [text]
