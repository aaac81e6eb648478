"""Only what differs is told, and what follows from a choice is not told twice."""

from pathlib import Path

import pytest

from mlplab.comparison.settings import configuration_name, differing_keys, key_value, swept_columns
from mlplab.run.record import RunRecord, read_record
from tests.run.test_record import run


def made(folder: Path, *jobs: str) -> list[RunRecord]:
    found = [read_record(run(folder / str(place), "data=iris", *job.split())) for place, job in enumerate(jobs)]
    return [one for one in found if one is not None]


@pytest.mark.parametrize(
    ("jobs", "told", "keys"),
    [
        # of an optimizer's own defaults lr alone is told, and it is not varied
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
def test_what_differs(tmp_path: Path, jobs: list[str], told: list[str], keys: list[str]) -> None:
    runs = made(tmp_path, *jobs)
    assert differing_keys(runs) == told
    assert swept_columns(differing_keys(runs), runs) == keys


def test_in_a_search_each_key_was_varied_though_each_run_has_numbers_of_its_own(tmp_path: Path) -> None:
    words = [("optimizer.lr=0.1", "batch_size=8"), ("optimizer.lr=0.2", "batch_size=9")]
    found = [
        read_record(run(tmp_path / f"{place}_{','.join(own)}", "data=iris", *own)) for place, own in enumerate(words)
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


def test_a_choice_that_is_unknown_today_is_told_as_it_stands(tmp_path: Path) -> None:
    folder = run(tmp_path / "old", "data=iris", "optimizer=sgd")
    text = (folder / "config.yaml").read_text()
    (folder / "config.yaml").write_text(text.replace("optimizer: sgd", "optimizer: sgd_of_then"))
    old = read_record(folder)
    assert old is not None
    assert differing_keys([old, *made(tmp_path / "new", "optimizer=sgd")]) == ["optimizer"]


def test_a_setting_in_words() -> None:
    own = {"optimizer": "adam", "optimizer.lr": "0.01", "scheduler": "none", "batch_size": "8"}
    assert configuration_name(list(own), own) == "adam, lr 0.01, no scheduler, batch_size 8"
    both = {"model.width": "4", "data.width": "5"}
    assert configuration_name(list(both), both) == "model.width 4, data.width 5"
    assert configuration_name(["optimizer", "optimizer.momentum"], {"optimizer": "sgd"}) == "sgd"
    assert configuration_name([], {}) == "all runs"


def test_a_value_is_a_number_where_it_is_one(tmp_path: Path) -> None:
    (one,) = made(tmp_path, "optimizer.lr=0.1 model.hidden_features=[8]")
    assert key_value(one, "optimizer.lr") == 0.1
    assert key_value(one, "optimizer") == "adam"
