"""history.csv: its rows and the best epoch, compared with scores computed by hand and with the checkpoints."""

import csv
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import mlplab
from mlplab.run.build import Components, build
from mlplab.trainer.history import History

Train = Callable[..., tuple[Path, dict[str, Any]]]
TINY = ("data=iris", "model.hidden_features=[8]", "optimizer.lr=0.02", "trainer.max_epochs=4")
OVERFIT = ("experiment=overfit", "model.hidden_features=[128]", "optimizer.lr=0.01", "trainer.max_epochs=9")


def read(run: Path) -> list[dict[str, float]]:
    with open(run / "history.csv", newline="") as file:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]


def untrained(folder: Path, *overrides: str) -> Components:
    """The components of the same run before its first update: the same seed gives the same weights."""
    return build(mlplab.configure(f"run_dir={folder / 'untrained'}", *overrides))


def checkpoint(run: Path, name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = torch.load(run / "checkpoints" / f"{name}.ckpt", weights_only=True, map_location="cpu")
    return loaded


def with_weights(lab: Components, state: dict[str, Tensor]) -> nn.Module:
    prefix = "network."
    kept = {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}
    lab.learner.network.load_state_dict(kept)
    return lab.learner.network


def by_hand(network: nn.Module, lab: Components) -> dict[str, float]:
    """Cross entropy, mean of logsumexp(z) - z[class], and accuracy; of val, and of as many first training rows."""
    scores = {}
    count = len(lab.splits.val)
    parts = {
        "train": (lab.splits.train.features[:count], lab.splits.train.target[:count]),
        "val": (lab.splits.val.features, lab.splits.val.target),
    }
    for split, (features, target) in parts.items():
        with torch.no_grad():
            output = network.eval()(features).double()
        loss = output.logsumexp(dim=1) - output[torch.arange(len(target)), target]
        scores[f"loss/{split}"] = loss.mean().item()
        scores[f"accuracy/{split}"] = (output.argmax(dim=1) == target).double().mean().item()
    return scores


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("tiny")
    mlplab.train(mlplab.configure(f"run_dir={run}", "report.picture=false", *TINY))
    return run


def test_row_0_is_measured_before_any_update(tiny: Path, tmp_path: Path) -> None:
    lab = untrained(tmp_path, *TINY)
    first = read(tiny)[0]
    assert (first["epoch"], first["step"]) == (0, 0)
    expected = by_hand(lab.learner.network, lab)
    assert {name: first[name] for name in expected} == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("name", ["best", "last"])
def test_a_row_holds_the_scores_of_the_weights_after_its_epoch(tiny: Path, tmp_path: Path, name: str) -> None:
    lab, saved = untrained(tmp_path, *TINY), checkpoint(tiny, name)
    expected = by_hand(with_weights(lab, saved["state_dict"]), lab)
    row = read(tiny)[saved["epoch"] + 1]
    assert {name: row[name] for name in expected} == pytest.approx(expected, rel=1e-5)


def test_rows_run_from_0_to_the_last_epoch_with_the_updates_done(train: Train) -> None:
    """iris has 90 training rows: batches of 32, 32 and 26, three updates per epoch."""
    before = time.perf_counter()
    run, scores = train(*TINY)
    wall = time.perf_counter() - before
    rows = read(run)
    assert [row["epoch"] for row in rows] == [0, 1, 2, 3, 4]
    assert [row["step"] for row in rows] == [0, 3, 6, 9, 12]
    assert scores["epochs"] == 4
    seconds = [row["seconds"] for row in rows]
    assert seconds == sorted(seconds)
    assert 0 <= min(seconds) < max(seconds) <= wall


@pytest.mark.parametrize(
    ("data", "metrics"),
    [
        ("iris", ["accuracy", "precision", "recall", "f1"]),
        ("moons", ["accuracy", "precision", "recall", "f1", "auroc"]),
        ("line", ["mse", "rmse", "mae", "r2"]),
    ],
)
def test_the_header_names_each_score_for_train_and_val(train: Train, data: str, metrics: list[str]) -> None:
    run, _ = train(f"data={data}", "model=linear", "trainer.max_epochs=1")
    header = (run / "history.csv").read_text().splitlines()[0]
    scores = [f"{metric}/{split}" for metric in ["loss", *metrics] for split in ("train", "val")]
    assert header == ",".join(["epoch", "step", "seconds", "lr", *scores])


def test_best_ckpt_is_of_the_best_epoch_and_last_ckpt_of_the_last_row(train: Train) -> None:
    run, scores = train(*OVERFIT)
    losses = [row["loss/val"] for row in read(run)]
    best = 1 + losses[1:].index(min(losses[1:]))
    assert 1 < best < 9, "the run is meant to overfit before its end"
    assert scores["best_epoch"] == best
    assert checkpoint(run, "best")["epoch"] + 1 == best
    assert scores["loss/val"] == losses[best]
    assert checkpoint(run, "last")["epoch"] + 1 == read(run)[-1]["epoch"] == 9


def test_a_higher_score_is_better_for_accuracy_and_the_first_of_equals_is_best(train: Train) -> None:
    run, scores = train(*TINY, "monitor=accuracy/val", "trainer.max_epochs=20")
    accuracies = [row["accuracy/val"] for row in read(run)]
    highest = max(accuracies[1:])
    assert accuracies[1:].count(highest) > 1, "the run is meant to have ties"
    best = 1 + accuracies[1:].index(highest)
    assert scores["best_epoch"] == best
    assert checkpoint(run, "best")["epoch"] + 1 == best


def test_the_first_of_equal_losses_is_best(train: Train) -> None:
    """Steps too small for float32 leave the weights as they were."""
    run, scores = train("data=iris", "model=linear", "optimizer=sgd", "optimizer.lr=1e-30", "trainer.max_epochs=3")
    assert len({row["loss/val"] for row in read(run)}) == 1, "the run is meant to have ties"
    assert scores["best_epoch"] == checkpoint(run, "best")["epoch"] + 1 == 1


def test_epoch_0_is_never_the_best(train: Train) -> None:
    run, scores = train("data=iris", "model=linear", "optimizer=sgd", "optimizer.lr=1e3", "trainer.max_epochs=3")
    losses = [row["loss/val"] for row in read(run)]
    assert losses[0] == min(losses), "the run is meant to begin at its best"
    best = 1 + losses[1:].index(min(losses[1:]))
    assert scores["best_epoch"] == checkpoint(run, "best")["epoch"] + 1 == best


def test_the_lr_of_a_row_is_that_of_the_scheduler_after_its_epoch(train: Train) -> None:
    schedule = ("optimizer=sgd", "optimizer.lr=0.4", "scheduler=exponential", "scheduler.gamma=0.5")
    run, _ = train("data=iris", "model=linear", *schedule, "trainer.max_epochs=4")
    assert [row["lr"] for row in read(run)] == pytest.approx([0.4, 0.2, 0.1, 0.05, 0.025])


def test_rows_are_kept_without_a_file(tmp_path: Path) -> None:
    """As from a notebook: the callback, the trainer and nothing else of a run folder."""
    config = mlplab.configure(f"run_dir={tmp_path / 'run'}", "data=iris", "model=linear", "trainer.max_epochs=2")
    lab = build(config)
    history = History()
    lab.trainer.callbacks = [history]
    lab.trainer.fit(lab.learner, datamodule=lab.batches)
    lab.overlay.close()
    assert [row["epoch"] for row in history.rows] == [0, 1, 2]
    assert history.best is history.rows[history.best_epoch]
    assert not (tmp_path / "run" / "history.csv").exists()
    history.rows = history.rows[:1]
    assert history.best_epoch == 0, "no epoch has ended"
