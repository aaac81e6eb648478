"""What the verdict reads beside the history."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import mlplab
from mlplab.analysis import diagnosis
from mlplab.analysis.diagnosis import diagnose, measured_layers, val_losses, validation_rise
from mlplab.analysis.layer_statistics import layer_statistics
from mlplab.analysis.verdict import verdict
from mlplab.config.tree import flatten, to_plain
from mlplab.run.build import build, build_splits
from mlplab.run.load import load_learner, read_checkpoint
from mlplab.trainer.history_file import read_history

Train = Callable[..., tuple[Path, dict[str, Any]]]
FAST = ("data=iris", "trainer.max_epochs=3", "model.hidden_features=[8]", "trainer.accelerator=cpu")


def test_diagnosis_json_holds_what_the_verdict_follows_from(train: Train) -> None:
    folder, scores = train(*FAST)
    found = json.loads((folder / "diagnosis.json").read_text())
    config = mlplab.configure(*FAST)
    rows = read_history(folder / "history.csv")
    again = verdict(rows, scores["best_epoch"], found, dict(flatten(to_plain(config))))
    assert again == (scores["verdict"], scores["verdict_text"])


def test_it_is_measured_before_the_first_update_and_after_the_last(train: Train, tmp_path: Path) -> None:
    overrides = (*FAST, "optimizer.lr=0.1")
    folder, _ = train(*overrides)
    found = json.loads((folder / "diagnosis.json").read_text())["layers"]
    config = mlplab.configure(*overrides, f"run_dir={tmp_path / 'fresh'}")
    lab = build(config)
    rows = lab.splits.measured
    path = folder / "checkpoints" / "last.ckpt"
    last = load_learner(read_checkpoint(path), path, mlplab.configure(*overrides))
    for when, learner in (("start", lab.learner), ("end", last)):
        expected = layer_statistics(learner, rows.features, rows.target)
        assert [layer["dead"][when] for layer in found] == [layer.dead for layer in expected]
        assert [layer["gradient"][when] for layer in found] == [layer.gradient for layer in expected]


def test_the_baseline_is_the_constant_of_the_training_targets_on_train_and_val(tmp_path: Path) -> None:
    lab = build(mlplab.configure("data=breast_cancer", f"run_dir={tmp_path / 'run'}", "trainer.accelerator=cpu"))
    found = diagnose(lab.learner, lab.splits, lab.initial_layers, lab.learner.state_dict())
    rate = lab.splits.train.target.double().mean()
    for name, part in (("train", lab.splits.measured), ("val", lab.splits.val)):
        ones = part.target.double().mean()
        loss = -(ones * rate.log() + (1 - ones) * (1 - rate).log())
        assert found["baseline"][f"loss/{name}"] == pytest.approx(float(loss), rel=1e-5)
        assert found["rows"][name] == len(part)
    ones = float(lab.splits.val.target.double().mean())
    assert list(found["shares"].values()) == pytest.approx([1 - ones, ones])


def test_a_regression_has_no_class_fractions(tmp_path: Path) -> None:
    lab = build(mlplab.configure("data=diabetes", f"run_dir={tmp_path / 'run'}", "trainer.accelerator=cpu"))
    found = diagnose(lab.learner, lab.splits, lab.initial_layers, lab.learner.state_dict())
    assert found["shares"] == {}
    mean = lab.splits.train.target.mean()
    squared = ((lab.splits.val.target - mean) ** 2).mean()
    assert found["baseline"]["mse/val"] == pytest.approx(float(squared), rel=1e-5)


def test_layers_are_measured_on_a_limited_number_of_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lab = build(mlplab.configure(*FAST, f"run_dir={tmp_path / 'run'}"))
    monkeypatch.setattr(diagnosis, "MAX_ROWS", 7)
    rows = lab.splits.measured.first(7)
    assert measured_layers(lab.learner, lab.splits) == layer_statistics(lab.learner, rows.features, rows.target)
    assert measured_layers(lab.learner, lab.splits) != lab.initial_layers


def test_to_measure_draws_no_random_number(tmp_path: Path) -> None:
    lab = build(mlplab.configure(*FAST, f"run_dir={tmp_path / 'run'}"))
    state = torch.get_rng_state()
    diagnose(lab.learner, lab.splits, lab.initial_layers, lab.learner.state_dict())
    assert torch.equal(torch.get_rng_state(), state)


def test_the_rise_is_a_mean_over_rows_with_its_standard_error() -> None:
    found = validation_rise(torch.tensor([1.0, 2.0, 3.0, 4.0]), torch.tensor([2.0, 2.0, 5.0, 5.0]))
    assert found["mean"] == 1.0
    assert found["error"] == pytest.approx((2 / 3) ** 0.5 / 4**0.5)  # differences 1, 0, 2, 1
    assert validation_rise(torch.tensor([1.0]), torch.tensor([3.0])) == {"mean": 2.0, "error": math.inf}


@pytest.mark.parametrize(
    "overrides",
    [("data=iris",), ("data=breast_cancer",), ("data=diabetes", "loss=huber"), ("data=iris", "loss=mse")],
)
def test_the_losses_of_rows_have_the_loss_of_val_as_their_mean(train: Train, overrides: tuple[str, ...]) -> None:
    chosen = (*overrides, "trainer.max_epochs=2", "trainer.accelerator=cpu")
    folder, _ = train(*chosen)
    found, config = json.loads((folder / "diagnosis.json").read_text())["rise"], mlplab.configure(*chosen)
    path, splits = folder / "checkpoints" / "last.ckpt", build_splits(config)
    last = load_learner(read_checkpoint(path), path, config)
    rows, history = val_losses(last, splits), read_history(folder / "history.csv")
    assert len(rows) == len(splits.val)
    assert float(rows.mean()) == pytest.approx(history[-1]["loss/val"], rel=1e-5)
    best = min(row["loss/val"] for row in history[1:])
    assert found["mean"] == pytest.approx(history[-1]["loss/val"] - best, abs=1e-5)
