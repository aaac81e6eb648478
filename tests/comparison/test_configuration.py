"""Configurations: runs that differ in their seeds alone, and the keys in which configurations differ."""

import statistics
from pathlib import Path

import pytest

from mlplab.comparison.configuration import Configuration, configuration_name, differing_keys, key_value, swept_columns
from mlplab.run.record import RunRecord, read_record
from tests.comparison.records import sweep
from tests.run.test_record import run

LOSSES = (0.2, 0.5, 0.3)


@pytest.fixture
def configuration(tmp_path: Path) -> Configuration:
    return Configuration("adam", {}, sweep(tmp_path, {"optimizer=adam": [*LOSSES, None]}))


def test_mean_and_spread_are_those_over_the_seeds_that_finished(configuration: Configuration) -> None:
    assert len(configuration.runs) == 4
    assert len(configuration.finished) == 3
    assert configuration.mean("loss/val") == pytest.approx(statistics.mean(LOSSES))
    assert configuration.std("loss/val") == pytest.approx(statistics.stdev(LOSSES))
    assert sorted(configuration.scores("loss/val").values()) == sorted(LOSSES)
    assert configuration.mean("f1/val") is None
    assert configuration.fact("parameters") == 20  # of 10, 20 and 30
    assert configuration.fact("nothing") is None


def test_one_run_has_no_spread_and_a_repeated_run_counts_twice(configuration: Configuration) -> None:
    first = configuration.runs[0]
    assert Configuration("a", {}, [first]).std("loss/val") is None
    assert len(Configuration("a", {}, [first, first]).scores("loss/val")) == 2


def test_the_verdict_is_the_most_frequent_one(configuration: Configuration) -> None:
    assert configuration.verdict == "fits"
    configuration.runs[1].report["verdict"] = "lr_too_high"
    assert configuration.verdict == "fits (2 of 3)"
    assert Configuration("a", {}, [configuration.runs[3]]).verdict == "failed"


def test_a_pruned_run_counts_in_no_mean_and_has_its_own_verdict(configuration: Configuration) -> None:
    folder = configuration.runs[1].folder
    (folder / "scores.json").unlink()
    (folder / "pruned.txt").write_text("after epoch 3\n")
    pruned = read_record(folder)
    assert pruned is not None
    assert (pruned.state, pruned.scores, pruned.failure) == ("pruned", {}, "after epoch 3")
    assert Configuration("a", {}, [pruned]).verdict == "pruned"
    assert Configuration("a", {}, [pruned]).mean("loss/val") is None
    assert (
        Configuration("a", {}, [configuration.runs[0], pruned]).mean("loss/val")
        == configuration.runs[0].scores["loss/val"]
    )
    assert Configuration("a", {}, [pruned, configuration.runs[3]]).verdict == "failed"


def test_curves_are_as_long_as_the_shortest(configuration: Configuration) -> None:
    epochs, curves = configuration.curves("loss/val")
    assert epochs == [0, 1, 2, 3]
    assert curves[0] == pytest.approx([1.2, 0.7, 0.2 + 1 / 3, 0.45])
    path = configuration.runs[1].folder / "history.csv"
    path.write_text("\n".join(path.read_text().splitlines()[:3]) + "\n")
    assert [len(curve) for curve in configuration.curves("loss/val")[1]] == [2, 2, 2]
    path.unlink()
    assert configuration.curves("loss/val") == ([], [[], [], []])


def test_folds_count_as_seeds_do(tmp_path: Path) -> None:
    runs = sweep(tmp_path, {"optimizer=adam": LOSSES}, folds=3, train_rows=80, val_rows=40)
    configuration = Configuration("adam", {}, runs)
    assert [*configuration.scores("loss/val")] == [("0", "0", str(fold), 0) for fold in range(3)]
    assert configuration.row_ratio == 0.5


def records(folder: Path, *jobs: str) -> list[RunRecord]:
    found = [read_record(run(folder / str(place), "data=iris", *job.split())) for place, job in enumerate(jobs)]
    return [one for one in found if one is not None]


@pytest.mark.parametrize(
    ("jobs", "columns", "keys"),
    [
        # of an optimizer's own defaults lr alone is shown, and it was not swept
        (["optimizer=sgd", "optimizer=adam"], ["optimizer", "optimizer.lr"], ["optimizer"]),
        (
            ["optimizer=sgd optimizer.lr=0.1", "optimizer=adam optimizer.lr=0.1", "optimizer.lr=0.2"],
            ["optimizer", "optimizer.lr"],
            ["optimizer", "optimizer.lr"],
        ),
        (["seed=1", "seed=2", "data.split_seed=3"], [], []),
        (["data.folds=2", "data.folds=2 data.fold=1"], [], []),
        (["model=mlp", "model=linear"], ["model"], ["model"]),
        (["callback=none", "callback=early_stopping"], ["callback"], ["callback"]),
        (
            ["callback=early_stopping", "callback=early_stopping callback.early_stopping.patience=3"],
            ["callback.early_stopping.patience"],
            ["callback.early_stopping.patience"],
        ),
        (["model.dropout=0.5", "model.dropout=0"], ["model.dropout"], ["model.dropout"]),
        (["batch_size=8 optimizer.lr=1", "batch_size=9"], ["batch_size", "optimizer.lr"], ["batch_size"]),
        (["report.picture=false", "report=full"], [], []),
    ],
)
def test_differing_and_swept_keys(tmp_path: Path, jobs: list[str], columns: list[str], keys: list[str]) -> None:
    runs = records(tmp_path, *jobs)
    assert differing_keys(runs) == columns
    assert swept_columns(differing_keys(runs), runs) == keys


def test_every_key_of_a_search_was_swept_though_each_run_has_its_own_values(tmp_path: Path) -> None:
    jobs = [("optimizer.lr=0.1", "batch_size=8"), ("optimizer.lr=0.2", "batch_size=9")]
    found = [
        read_record(run(tmp_path / f"{place}_{','.join(own)}", "data=iris", *own)) for place, own in enumerate(jobs)
    ]
    runs = [one for one in found if one is not None]
    assert sorted(swept_columns(differing_keys(runs), runs)) == ["batch_size", "optimizer.lr"]


def test_a_dataset_brings_its_learner_and_loss(tmp_path: Path) -> None:
    runs = [
        found
        for place, data in enumerate(("iris", "moons"))
        if (found := read_record(run(tmp_path / str(place), f"data={data}")))
    ]
    assert "data" in differing_keys(runs)
    assert not {"learner", "loss"} & {*differing_keys(runs)}


def test_a_choice_that_this_version_does_not_know_is_shown_unchanged(tmp_path: Path) -> None:
    folder = run(tmp_path / "old", "data=iris", "optimizer=sgd")
    text = (folder / "config.yaml").read_text()
    (folder / "config.yaml").write_text(text.replace("optimizer: sgd", "optimizer: sgd_of_then"))
    old = read_record(folder)
    assert old is not None
    assert differing_keys([old, *records(tmp_path / "new", "optimizer=sgd")]) == ["optimizer"]


def test_names_of_configurations() -> None:
    own = {"optimizer": "adam", "optimizer.lr": "0.01", "scheduler": "none", "batch_size": "8"}
    assert configuration_name(list(own), own) == "adam, lr 0.01, no scheduler, batch_size 8"
    both = {"model.width": "4", "data.width": "5"}
    assert configuration_name(list(both), both) == "model.width 4, data.width 5"
    assert configuration_name(["optimizer", "optimizer.momentum"], {"optimizer": "sgd"}) == "sgd"
    assert configuration_name([], {}) == "all runs"


def test_a_value_keeps_its_type(tmp_path: Path) -> None:
    (one,) = records(tmp_path, "optimizer.lr=0.1 model.hidden_features=[8]")
    assert key_value(one, "optimizer.lr") == 0.1
    assert key_value(one, "optimizer") == "adam"
