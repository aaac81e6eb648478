"""Configurations are ranked and tested against the best; what cannot be compared is separated."""

import math
from pathlib import Path

import pytest

from mlplab.comparison.comparison import group_runs, match_ensembles, rank_key, ranking_score
from mlplab.comparison.significance import OVER_FOLDS, PAIRED, WELCH, compare_over_folds, compare_to_best
from tests.comparison.records import compared, sweep, united

GRID = {
    "optimizer=sgd optimizer.lr=0.1": (0.50, 0.52, 0.51),
    "optimizer=adam optimizer.lr=0.1": (0.10, 0.12, 0.11),
    "optimizer=adam optimizer.lr=0.01": (0.11, 0.10, 0.13),
    "optimizer=sgd optimizer.lr=0.01": (None, None, None),
}


def test_the_best_mean_is_first_and_ties_are_known(tmp_path: Path) -> None:
    (one,) = group_runs(sweep(tmp_path, GRID))
    assert [each.name for each in one.configurations] == [
        "adam, lr 0.1",
        "adam, lr 0.01",
        "sgd, lr 0.1",
        "sgd, lr 0.01",
    ]
    assert one.keys == one.columns == ["optimizer", "optimizer.lr"]
    assert (one.score, one.test, one.most) == ("loss/val", f"{PAIRED} (of logarithms)", 3)
    assert [each.name for each in one.tied] == ["adam, lr 0.01"]
    scores = [{k: math.log(v) for k, v in each.scores("loss/val").items()} for each in one.ranked]
    assert [each.p for each in one.ranked[1:]] == compare_to_best(scores[0], scores[1:])[1]
    assert one.best is one.configurations[0]
    assert one.configurations[-1].p is None
    assert len(one.ranked) == 3


def test_accuracy_is_tested_without_logarithms(tmp_path: Path) -> None:
    (one,) = group_runs(sweep(tmp_path, GRID), "accuracy/val")
    scores = [each.scores("accuracy/val") for each in one.ranked]
    assert (one.test, [each.p for each in one.ranked[1:]]) == compare_to_best(scores[0], scores[1:])


def test_keys_that_change_the_rows_of_the_scores_are_known(tmp_path: Path) -> None:
    jobs = {"data.noise=0.1": (0.1,), "data.noise=0.3": (0.2,), "data.num_train=20": (0.2,)}
    (one,) = group_runs(sweep(tmp_path, jobs, data="moons"))
    assert sorted(one.columns) == ["data.noise", "data.num_train"]
    assert one.measured_apart == ["data.noise"]


def test_levels_of_numbers_are_sorted_and_those_of_strings_are_none(tmp_path: Path) -> None:
    (one,) = group_runs(sweep(tmp_path, GRID))
    assert one.levels("optimizer.lr") == {"0.01": 0.01, "0.1": 0.1}
    assert [*one.levels("optimizer").items()] == [("adam", None), ("sgd", None)]


def test_a_failed_seed_makes_the_tests_unpaired(tmp_path: Path) -> None:
    (one,) = group_runs(sweep(tmp_path, {"optimizer.lr=0.1": (0.1, 0.2, 0.3), "optimizer.lr=0.2": (0.3, 0.2, None)}))
    assert one.test.startswith(WELCH)


def test_each_dataset_has_its_comparison_and_sort_selects_the_score(tmp_path: Path) -> None:
    jobs = {"optimizer.lr=0.1": (0.1,), "optimizer.lr=0.2": (0.2,)}
    runs = [*sweep(tmp_path / "a", jobs), *sweep(tmp_path / "b", jobs, data="diabetes")]
    assert [one.data for one in group_runs(runs)] == ["diabetes", "iris"]
    assert [one.name for one in group_runs(runs, "accuracy/val")[1].configurations] == [
        "lr 0.1",
        "lr 0.2",
    ]
    assert [one.name for one in group_runs(runs, "loss/val")[1].unknown] == ["lr 0.2"]


@pytest.mark.parametrize(
    ("overrides", "score"),
    [
        (("loss=ce", "loss=ce loss.label_smoothing=0.1"), "loss/val"),  # which is off in what is measured
        (("loss=ce", "loss=mse"), "accuracy/val"),
        (("loss=ce", "loss.weight=balanced"), "accuracy/val"),
        (("monitor=f1/val", "monitor=loss/val"), "accuracy/val"),
        (("monitor=accuracy/val", "batch_size=5 monitor=accuracy/val"), "accuracy/val"),
    ],
)
def test_configurations_are_ranked_by_a_score_that_can_be_compared(
    tmp_path: Path, overrides: tuple[str, str], score: str
) -> None:
    assert ranking_score(sweep(tmp_path, {overrides[0]: (0.1,), overrides[1]: (0.2,)})) == score


def test_regressions_are_ranked_by_r2_where_target_scaling_differs(tmp_path: Path) -> None:
    jobs = {"learner.target_scaling=none": (0.1,), "learner.target_scaling=standard": (0.2,)}
    (one,) = group_runs(sweep(tmp_path, jobs, data="diabetes"))
    assert (one.score, one.best and one.best.name) == ("r2/val", "target_scaling none")


def test_where_no_run_has_finished_there_is_no_best(tmp_path: Path) -> None:
    (one,) = group_runs(sweep(tmp_path, {"optimizer.lr=0.1": (None,), "optimizer.lr=0.2": (None,)}))
    assert (one.best, one.test, one.tied) == (None, "", [])


FOLDS = {"optimizer.lr=0.1": (0.10, 0.12, 0.11, 0.13), "optimizer.lr=0.2": (0.11, 0.15, 0.16, 0.15)}


def test_folds_are_tested_in_pairs_corrected_for_shared_rows(tmp_path: Path) -> None:
    (one,) = group_runs(sweep(tmp_path, FOLDS, folds=4, train_rows=90, val_rows=30))
    assert [len(each.runs) for each in one.configurations] == [4, 4]
    assert (one.columns, one.measured_apart) == (["optimizer.lr"], [])
    assert (one.chance, one.counted, one.most) == ("folds", "folds", 4)
    logs = [{n: math.log(value) for n, value in enumerate(values)} for values in FOLDS.values()]
    test, p_values = compare_over_folds(logs[0], logs[1:], [1 / 3, 1 / 3])
    assert (one.test, one.configurations[1].p) == (f"{test} (of logarithms)", pytest.approx(p_values[0]))


def test_folds_and_seeds_are_runs_of_one_configuration(tmp_path: Path) -> None:
    (one,) = group_runs(sweep(tmp_path, FOLDS, folds=2, train_rows=50, val_rows=50))
    assert (one.chance, one.counted, one.most) == ("folds and seeds", "runs", 4)
    assert one.test.startswith(OVER_FOLDS)


def test_a_single_fold_is_tested_over_its_seeds(tmp_path: Path) -> None:
    jobs = {"optimizer.lr=0.1 data.folds=4": (0.1, 0.2), "optimizer.lr=0.2 data.folds=4": (0.3, 0.5)}
    (one,) = group_runs(sweep(tmp_path, jobs))
    assert (one.chance, one.test) == ("seeds", f"{PAIRED} (of logarithms)")


def test_runs_on_folds_are_not_compared_with_other_runs(tmp_path: Path) -> None:
    runs = [*sweep(tmp_path / "a", FOLDS, folds=4), *sweep(tmp_path / "b", FOLDS)]
    assert [one.data for one in group_runs(runs)] == ["iris", "iris in 4 folds"]


def test_the_mean_of_an_ensembles_members_needs_all_of_them(tmp_path: Path) -> None:
    runs = sweep(tmp_path, {"optimizer.lr=0.1": (0.1, 0.3), "optimizer.lr=0.2": (0.5, 0.5)})
    one = united(runs[:2], loss_val=0.15)
    (known,) = match_ensembles([one], runs)
    assert [run.folder for run in known.members] == [run.folder for run in runs[:2]]
    assert (known.score("loss/val"), known.mean("loss/val")) == (0.15, 0.2)
    assert (known.score("accuracy/val"), known.mean("r2/val")) == (None, None)
    (partly,) = match_ensembles([one], runs[1:])
    assert partly.mean("loss/val") is None


def test_the_best_score_is_first_and_an_unknown_one_last() -> None:
    scores = [0.2, None, 0.1]
    assert sorted(scores, key=lambda score: rank_key("loss/val", score)) == [0.1, 0.2, None]
    assert sorted(scores, key=lambda score: rank_key("accuracy/val", score)) == [0.2, 0.1, None]


def test_a_configuration_without_the_score_has_no_mean(tmp_path: Path) -> None:
    comparison = compared(tmp_path, {"optimizer.lr=0.1": (0.1, 0.2), "optimizer.lr=0.2": (None, None)})
    assert [(configuration.name, mean) for configuration, mean in comparison.means] == [("lr 0.1", pytest.approx(0.15))]
    assert comparison.lower_is_better
