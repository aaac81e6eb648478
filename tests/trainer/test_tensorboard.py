"""The event files read back: one tag in sibling runs, x = epochs done, and the row of the HPARAMS tab."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.event_file_loader import LegacyEventFileLoader
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

import mlplab
from mlplab.trainer.tensorboard import OverlayLogger

Train = Callable[..., tuple[Path, dict[str, Any]]]
Curve = dict[int, float]
TINY = ("data=iris", "model.hidden_features=[8]", "optimizer.lr=0.02", "trainer.max_epochs=4")
OVERFIT = ("experiment=overfit", "model.hidden_features=[128]", "optimizer.lr=0.01", "trainer.max_epochs=9")
METRICS = ("loss", "accuracy", "precision", "recall", "f1")


def events(folder: Path) -> EventAccumulator:
    """All events of this folder, not of those below it."""
    read = EventAccumulator(str(folder), size_guidance={"scalars": 0})
    read.Reload()
    return read


def points(folder: Path, tag: str) -> list[tuple[int, float]]:
    return [(event.step, event.value) for event in events(folder).Scalars(tag)]


def tags(folder: Path) -> set[str]:
    return set(events(folder).Tags()["scalars"])


def column(run: Path, name: str) -> list[float]:
    with open(run / "history.csv", newline="") as file:
        return [float(row[name]) for row in csv.DictReader(file)]


def hparams_row(board: Path) -> dict[str, Any]:
    """The choices by name, read as the HPARAMS tab reads them."""
    content = events(board).PluginTagToContent("hparams")["_hparams_/session_start_info"]
    chosen = HParamsPluginData.FromString(content).session_start_info.hparams
    return {name: getattr(value, value.WhichOneof("kind")) for name, value in chosen.items()}


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    run = tmp_path_factory.mktemp("tiny")
    return run, mlplab.train(mlplab.configure(f"run_dir={run}", "report.picture=false", *TINY))


@pytest.mark.parametrize("split", ["train", "val"])
def test_train_and_val_have_the_same_tags_at_epochs_0_to_the_last(
    tiny: tuple[Path, dict[str, Any]], split: str
) -> None:
    run, _ = tiny
    board = run / "tensorboard" / split
    assert tags(board) == set(METRICS)
    for metric in METRICS:
        found = points(board, metric)
        assert [step for step, _ in found] == [0, 1, 2, 3, 4]
        assert [value for _, value in found] == pytest.approx(column(run, f"{metric}/{split}"), rel=1e-6)


def test_test_has_one_point_at_the_best_epoch(train: Train) -> None:
    run, scores = train(*OVERFIT)
    assert scores["best_epoch"] < 9, "the run is meant to overfit before its end"
    board = run / "tensorboard" / "test"
    assert tags(board) == set(METRICS)
    for metric in METRICS:
        assert points(board, metric) == [(scores["best_epoch"], pytest.approx(scores[f"{metric}/test"], rel=1e-6))]


def test_regression_has_the_same_curves_as_classification(train: Train) -> None:
    run, _ = train("data=line", "model=linear", "trainer.max_epochs=2")
    for split in ("train", "val"):
        assert tags(run / "tensorboard" / split) == {"loss", "mse", "rmse", "mae", "r2"}
        assert [step for step, _ in points(run / "tensorboard" / split, "rmse")] == [0, 1, 2]


def test_the_choices_are_in_the_hparams_row_of_the_root(train: Train) -> None:
    run, scores = train(*TINY, "optimizer=sgd", "batch_size=16", "seed=3")
    row = hparams_row(run / "tensorboard")
    expected = {
        **{"data": "iris", "model": "mlp", "activation": "relu", "learner": "classifier", "loss": "ce"},
        **{"optimizer": "sgd", "scheduler": "none"},
        **{"lr": 0.02, "batch_size": 16, "seed": 3, "parameters": (4 * 8 + 8) + (8 * 3 + 3)},
    }
    assert row == expected
    assert scores["parameters"] == 67


def test_the_hparams_row_has_the_scores_of_the_best_epoch(tiny: tuple[Path, dict[str, Any]]) -> None:
    run, scores = tiny
    board = run / "tensorboard"
    best = {tag for tag in tags(board) if tag.startswith("best/")}
    assert best == {f"best/loss/{split}" for split in ("train", "val", "test")} | {
        f"best/{metric}/val" for metric in METRICS
    }
    for tag in best:
        ((_, value),) = points(board, tag)
        assert value == pytest.approx(scores[tag.removeprefix("best/")], rel=1e-6)
        assert value != -1, "the placeholder that Lightning's own logger leaves there"


def test_the_hparams_row_is_complete_from_python(tmp_path: Path) -> None:
    overlay = OverlayLogger(tmp_path)
    overlay.log_best({"optimizer": "adam", "lr": 0.5, "nesterov": True}, {"loss/val": 0.25})
    overlay.close()
    assert hparams_row(tmp_path) == {"optimizer": "adam", "lr": 0.5, "nesterov": True}
    assert points(tmp_path, "best/loss/val") == [(0, 0.25)]


def test_varied_choices_are_marked_so_that_their_columns_come_first(tmp_path: Path) -> None:
    overlay = OverlayLogger(tmp_path)
    overlay.log_best({"activation": "relu", "lr": 0.5, "optimizer": "sgd"}, {"loss/val": 0.25}, ["lr", "optimizer"])
    overlay.close()
    (path,) = tmp_path.glob("events.*")
    contents = [
        HParamsPluginData.FromString(value.metadata.plugin_data.content)
        for event in LegacyEventFileLoader(str(path)).Load()
        for value in event.summary.value
        if value.tag == "_hparams_/experiment"
    ]
    (experiment,) = (content.experiment for content in contents)
    assert {column.name: column.differs for column in experiment.hparam_infos} == {
        "activation": False,
        "lr": True,
        "optimizer": True,
    }


def test_scores_are_logged_to_their_split_and_all_else_to_the_root(tmp_path: Path) -> None:
    """Lightning adds `epoch`, counted from 0, to the scores that a learner logs at the end of an epoch."""
    overlay = OverlayLogger(tmp_path)
    overlay.log_metrics({"loss/val": 0.5, "loss/train": 0.25, "epoch": 6}, step=700)
    overlay.log_metrics({"running/loss": 2.0}, step=700)
    overlay.log_metrics({"loss/test": 4.0}, step=3)
    overlay.close()
    assert points(tmp_path / "val", "loss") == [(7, 0.5)]
    assert points(tmp_path / "train", "loss") == [(7, 0.25)]
    assert points(tmp_path / "test", "loss") == [(3, 4.0)]
    assert points(tmp_path, "running/loss") == [(700, 2.0)]
    assert tags(tmp_path) == {"running/loss"}


def test_a_run_that_fails_keeps_its_curves(train: Train, tmp_path: Path) -> None:
    """lr 0.5 on two observations diverges: every epoch before the failure is there."""
    line = ("experiment=line", "trainer.precision=32-true", "optimizer.lr=0.5", "trainer.max_epochs=200")
    with pytest.raises(RuntimeError, match="became"):
        train(*line)
    run = tmp_path / "run1"
    losses = column(run, "loss/val")
    assert len(losses) > 10
    found = points(run / "tensorboard" / "val", "loss")[: len(losses)]
    assert [step for step, _ in found] == list(range(len(losses)))
    assert [value for _, value in found] == pytest.approx(losses, rel=1e-6)
