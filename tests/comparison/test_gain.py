"""The table of ensembles: best first, beside the mean of their members; test scores of the best alone."""

from pathlib import Path

import pytest

from mlplab.comparison.comparison import Comparison, group_runs
from mlplab.comparison.text import best_ensemble_text, ensemble_gains
from tests.comparison.made import sweep, united


@pytest.fixture
def compared(tmp_path: Path) -> Comparison:
    runs = sweep(tmp_path, {"optimizer.lr=0.1": (0.1, 0.3), "optimizer.lr=0.2": (0.2, 0.4)})
    own = [
        united(runs[:2], loss_val=0.18, accuracy_val=0.9, accuracy_test=0.91, loss_test=0.3),
        united(runs[2:], loss_val=0.15, accuracy_val=0.8, accuracy_test=0.81, loss_test=0.4),
    ]
    (one,) = group_runs([*runs, *own])
    return one


def test_ensembles_stand_by_themselves_best_first(compared: Comparison) -> None:
    assert [setting.name for setting in compared.settings] == ["lr 0.1", "lr 0.2"]
    assert compared.columns == ["optimizer.lr"]
    header, rows = ensemble_gains(compared)
    score, accuracy = "loss/val, mean -> ensemble", "accuracy/val, mean -> ensemble"
    assert header == ["", "optimizer.lr", "members", score, accuracy, "folder"]
    assert rows == [
        ["1", "0.2", "2", "0.3000 -> 0.1500", "0.7000 -> 0.8000", "ensemble_optimizer.lr=0.2"],
        ["2", "0.1", "2", "0.2000 -> 0.1800", "0.8000 -> 0.9000", "ensemble_optimizer.lr=0.1"],
    ]


def test_test_scores_are_those_of_the_best_ensemble_alone_unless_asked(compared: Comparison) -> None:
    assert best_ensemble_text(compared) == [
        "best ensemble: lr 0.2, with loss/val 0.1500",
        "one ensemble a setting: how much of a difference between two of them is chance is not known",
        "on the test set, of this ensemble alone: accuracy/test 0.8100, loss/test 0.4000",
    ]
    assert not any("test" in cell for cell in ensemble_gains(compared)[0])
    header, rows = ensemble_gains(compared, tests=True)
    assert rows[1][header.index("accuracy/test, mean -> ensemble")] == "0.1250 -> 0.9100"


def test_of_a_single_setting_the_ensemble_needs_no_name(tmp_path: Path) -> None:
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


def test_ensembles_alone_are_compared_as_settings(tmp_path: Path) -> None:
    runs = sweep(tmp_path, {"optimizer.lr=0.1": (0.1, 0.3), "optimizer.lr=0.2": (0.2, 0.4)})
    (one,) = group_runs([united(runs[:2], loss_val=0.18), united(runs[2:], loss_val=0.15)])
    assert [setting.name for setting in one.settings] == ["lr 0.2", "lr 0.1"]
    assert one.ensembles == []


def test_without_its_members_an_ensemble_has_a_score_alone(tmp_path: Path) -> None:
    runs = sweep(tmp_path, {"optimizer.lr=0.1": (0.1, 0.3), "optimizer.lr=0.2": (0.2, 0.4)})
    (one,) = group_runs([*runs[2:], united(runs[:2], loss_val=0.18)])
    assert ensemble_gains(one)[1][0][2:4] == ["0.1800", ""]


def test_of_ensembles_on_other_splits_none_is_the_best(tmp_path: Path) -> None:
    runs = sweep(tmp_path, {"data.split_seed=0": (0.1, 0.3), "data.split_seed=1": (0.2, 0.4)})
    (one,) = group_runs([*runs, united(runs[:2], loss_val=0.15), united(runs[2:], loss_val=0.25)])
    header, rows = ensemble_gains(one)
    assert header[:3] == ["", "data.split_seed", "members"]
    assert [row[1] for row in rows] == ["0", "1"]
    said = "data.split_seed: ensembles that differ in it were measured on other rows, so none is the best"
    assert best_ensemble_text(one) == [said]
