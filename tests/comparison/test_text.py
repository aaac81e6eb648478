"""What came out, in words and in a table."""

from pathlib import Path

import pytest

from mlplab.comparison.comparison import Comparison, group_runs
from mlplab.comparison.text import comparison_table, conclusion_text, footer_text, format_mean_std
from tests.comparison.made import Made, sweep

SEEDS = {
    "optimizer.lr=0.1": (0.10, 0.12, 0.11),
    "optimizer.lr=0.2": (0.11, 0.10, 0.13),
    "optimizer.lr=0.3": (0.50, 0.52, None),
    "optimizer.lr=0.4": (None, None, None),
}


def compared(folder: Path, jobs: Made) -> Comparison:
    (one,) = group_runs(sweep(folder, jobs))
    return one


@pytest.mark.parametrize(
    ("mean", "sd", "said"),
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
def test_a_spread_has_two_figures_and_the_mean_as_many_places(mean: float | None, sd: float | None, said: str) -> None:
    assert format_mean_std(mean, sd) == said


def test_the_table_has_what_differs_and_one_row_a_setting(tmp_path: Path) -> None:
    header, rows = comparison_table(compared(tmp_path, SEEDS))
    assert header == ["", "optimizer.lr", "loss/val", "accuracy/val", "seeds", "seconds", "verdict", "against the best"]
    assert rows[0] == ["1", "0.1", "0.110 +- 0.010", "0.890 +- 0.010", "3", "2.00", "fits", "best"]
    assert rows[1][-1].startswith("may be chance, p 0.")
    assert rows[2][2:5] == ["0.510 +- 0.014", "0.490 +- 0.014", "2 of 3"]
    assert rows[2][-1].startswith("worse, p ")
    assert rows[3] == ["-", "0.4", "", "", "0 of 3", "", "failed", ""]
    assert len(comparison_table(compared(tmp_path / "again", SEEDS), limit=2)[1]) == 2


def test_test_scores_are_those_of_the_best_alone_unless_asked(tmp_path: Path) -> None:
    one = compared(tmp_path, SEEDS)
    table = [*comparison_table(one)[0], *(cell for row in comparison_table(one)[1] for cell in row)]
    assert not any("test" in cell or cell.startswith("10.") for cell in table)
    assert conclusion_text(one)[-1] == (
        "on the test set, of this setting alone: accuracy/test 0.1250 +- 0, loss/test 10.110 +- 0.010"
    )
    asked, rows = comparison_table(one, tests=True)
    assert rows[2][asked.index("loss/test")] == "10.510 +- 0.014"
    assert any("no estimate" in line for line in footer_text(one, tests=True))


def test_the_conclusion_names_what_may_be_as_good(tmp_path: Path) -> None:
    one = compared(tmp_path, SEEDS)
    first, noise, _ = conclusion_text(one)
    assert first == "best: lr 0.1, with loss/val 0.110 +- 0.010 over 3 seeds"
    assert noise == "1 of 2 others may be just as good, the difference is no more than seeds explain: lr 0.2"
    test = "Welch's t-test (of logarithms) against the best, Holm's correction for 2 comparisons"
    assert footer_text(one)[1] == f"may be chance: {test}, p at least 0.05"


def test_of_many_as_good_the_first_are_named(tmp_path: Path) -> None:
    jobs = {f"optimizer.lr=0.{number}": (0.1, 0.2 + number / 1000, 0.3) for number in range(1, 8)}
    said = conclusion_text(compared(tmp_path, jobs))[1]
    assert said.startswith("6 of 6 others may be just as good")
    assert said.endswith("lr 0.2; lr 0.3; lr 0.4; lr 0.5 and 2 more")


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ((9.0, 9.1, 9.2), "the other is worse by more than seeds explain"),
        ((0.11, 0.1, 0.13), "the other may be just as good, the difference is no more than seeds explain"),
    ],
)
def test_of_two_the_other_is_judged(tmp_path: Path, other: tuple[float, ...], said: str) -> None:
    assert (
        conclusion_text(compared(tmp_path, {"optimizer.lr=0.1": (0.1, 0.12, 0.11), "optimizer.lr=0.2": other}))[1]
        == said
    )


def test_with_one_seed_each_the_way_to_know_more_is_told(tmp_path: Path) -> None:
    one = compared(tmp_path, {"optimizer.lr=0.1": (0.1,), "optimizer.lr=0.2": (0.2,)})
    assert "seed=0,1,2" in conclusion_text(one)[1]
    header, rows = comparison_table(one)
    assert "seeds" not in header
    assert rows[1][-1] == "not known"
    assert footer_text(one) == []


def test_of_seeds_alone_there_is_no_best(tmp_path: Path) -> None:
    assert (
        conclusion_text(compared(tmp_path, {"optimizer.lr=0.1": (0.10, 0.12, 0.11)}))[0]
        == "loss/val 0.110 +- 0.010 over 3 seeds"
    )


def test_scores_on_other_rows_are_told(tmp_path: Path) -> None:
    (one,) = group_runs(sweep(tmp_path, {"data.noise=0.1": (0.1,), "data.noise=0.3": (0.2,)}, data="moons"))
    assert footer_text(one)[-1].startswith("data.noise: runs that differ in it were measured on other rows")


def test_where_nothing_has_finished_that_is_told(tmp_path: Path) -> None:
    assert conclusion_text(compared(tmp_path, {"optimizer.lr=0.1": (None,)})) == ["no run has finished"]


def test_folds_are_told_as_folds(tmp_path: Path) -> None:
    jobs = {"optimizer.lr=0.1": (0.10, 0.12, 0.11), "optimizer.lr=0.2": (0.11, 0.13, 0.14)}
    (one,) = group_runs(sweep(tmp_path, jobs, folds=3, train_rows=80, val_rows=40))
    header, rows = comparison_table(one)
    assert header == ["", "optimizer.lr", "loss/val", "accuracy/val", "folds", "seconds", "verdict", "against the best"]
    assert rows[0][4] == "3"
    first, noise, _ = conclusion_text(one)
    assert first == "best: lr 0.1, with loss/val 0.110 +- 0.010 over 3 folds"
    assert noise == "the other may be just as good, the difference is no more than folds explain"
    assert footer_text(one) == [
        "mean +- sd over folds, each run at its best epoch",
        "may be chance: t-test paired by fold (of logarithms) against the best, p at least 0.05",
        "its variance is corrected for the training rows that folds share (Nadeau and Bengio, 2003)",
        "3 folds tell large differences only; more of them tell smaller ones",
    ]


def test_folds_and_seeds_together_are_runs(tmp_path: Path) -> None:
    jobs = {"optimizer.lr=0.1": (0.10, 0.12, 0.11, 0.12), "optimizer.lr=0.2": (0.31, 0.33, 0.34, 0.31)}
    (one,) = group_runs(sweep(tmp_path, jobs, folds=2, train_rows=50, val_rows=50))
    assert comparison_table(one)[0][4] == "runs"
    assert conclusion_text(one)[0].endswith("over 4 runs")
    assert footer_text(one)[0] == "mean +- sd over folds and seeds, each run at its best epoch"
