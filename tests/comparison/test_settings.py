"""Runs that differ in their seeds alone are one setting."""

import statistics
from pathlib import Path

import pytest

from mlplab.comparison.settings import Configuration
from mlplab.run.record import read_record
from tests.comparison.made import sweep

LOSSES = (0.2, 0.5, 0.3)


@pytest.fixture
def setting(tmp_path: Path) -> Configuration:
    return Configuration("adam", {}, sweep(tmp_path, {"optimizer=adam": [*LOSSES, None]}))


def test_mean_and_spread_are_those_over_the_seeds_that_finished(setting: Configuration) -> None:
    assert len(setting.runs) == 4
    assert len(setting.finished) == 3
    assert setting.mean("loss/val") == pytest.approx(statistics.mean(LOSSES))
    assert setting.sd("loss/val") == pytest.approx(statistics.stdev(LOSSES))
    assert sorted(setting.scores("loss/val").values()) == sorted(LOSSES)
    assert setting.mean("f1/val") is None
    assert setting.fact("parameters") == 20  # of 10, 20 and 30
    assert setting.fact("nothing") is None


def test_one_run_has_no_spread_and_a_run_made_twice_counts_twice(setting: Configuration) -> None:
    first = setting.runs[0]
    assert Configuration("a", {}, [first]).sd("loss/val") is None
    assert len(Configuration("a", {}, [first, first]).scores("loss/val")) == 2


def test_the_verdict_is_the_most_frequent_one(setting: Configuration) -> None:
    assert setting.verdict == "fits"
    setting.runs[1].report["verdict"] = "lr_too_high"
    assert setting.verdict == "fits (2 of 3)"
    assert Configuration("a", {}, [setting.runs[3]]).verdict == "failed"


def test_a_run_that_was_pruned_counts_in_no_mean_and_has_its_own_word(setting: Configuration) -> None:
    folder = setting.runs[1].folder
    (folder / "scores.json").unlink()
    (folder / "pruned.txt").write_text("after epoch 3\n")
    pruned = read_record(folder)
    assert pruned is not None
    assert (pruned.state, pruned.scores, pruned.failure) == ("pruned", {}, "after epoch 3")
    assert Configuration("a", {}, [pruned]).verdict == "pruned"
    assert Configuration("a", {}, [pruned]).mean("loss/val") is None
    assert Configuration("a", {}, [setting.runs[0], pruned]).mean("loss/val") == setting.runs[0].scores["loss/val"]
    assert Configuration("a", {}, [pruned, setting.runs[3]]).verdict == "failed"


def test_curves_are_as_long_as_the_shortest(setting: Configuration) -> None:
    epochs, curves = setting.curves("loss/val")
    assert epochs == [0, 1, 2, 3]
    assert curves[0] == pytest.approx([1.2, 0.7, 0.2 + 1 / 3, 0.45])
    path = setting.runs[1].folder / "history.csv"
    path.write_text("\n".join(path.read_text().splitlines()[:3]) + "\n")
    assert [len(curve) for curve in setting.curves("loss/val")[1]] == [2, 2, 2]
    path.unlink()
    assert setting.curves("loss/val") == ([], [[], [], []])


def test_folds_count_as_seeds_do(tmp_path: Path) -> None:
    runs = sweep(tmp_path, {"optimizer=adam": LOSSES}, folds=3, train_rows=80, val_rows=40)
    setting = Configuration("adam", {}, runs)
    assert [*setting.scores("loss/val")] == [("0", "0", str(fold), 0) for fold in range(3)]
    assert setting.share == 0.5
