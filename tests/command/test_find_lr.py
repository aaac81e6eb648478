"""find_lr suggests a learning rate at which a network learns, and writes a picture and nothing else."""

import math
from pathlib import Path

import lightning
import numpy as np
import pytest
import torch

import mlplab
from mlplab.command.find_lr import RangeTest, find_lr, measure, smooth, suggest
from mlplab.data.datamodule import TensorLoader
from mlplab.errors import RunError, UserError
from mlplab.run.build import build_learner, build_splits

SETTINGS = {"min_lr": 1e-6, "max_lr": 10.0, "num_steps": 120, "stop_at": 4.0, "output": None, "overwrite": False}
RATES = [float(rate) for rate in np.logspace(-6, 1, 141)]


def test_the_rate_rises_exponentially_from_the_smallest_to_the_largest() -> None:
    rates = RangeTest(min_lr=1e-4, max_lr=1.0, num_steps=5, stop_at=4.0).rates
    assert rates == pytest.approx([1e-4, *(10 ** (-4 + 4 * step / 5) for step in (2, 3, 4, 5))])


def test_losses_are_those_of_a_plain_loop_at_these_rates() -> None:
    config = mlplab.configure("data=iris", "optimizer=sgd", "optimizer.lr=7", "scheduler=one_cycle", "seed=3")
    rates, losses = measure(config, {**SETTINGS, "num_steps": 30})
    splits = build_splits(config)
    lightning.seed_everything(3, verbose=False)
    learner = build_learner(config, splits)
    optimizer = torch.optim.SGD(learner.parameters(), lr=1.0)
    loader, expected = TensorLoader(splits.train, config.batch_size, shuffle_seed=3), []
    for epoch in range(10):
        loader.set_epoch(epoch)
        for batch in loader:
            loss = learner.training_step(batch, 0)
            optimizer.param_groups[0]["lr"] = rates[len(expected)]
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            expected.append(loss.item())
    assert len(rates) == len(losses) == 30
    assert losses == expected


def test_the_test_stops_where_the_loss_diverges() -> None:
    rates, losses = measure(mlplab.configure("data=digits", "optimizer=sgd"), {**SETTINGS, "max_lr": 1e4})
    assert 20 < len(rates) == len(losses) < 120
    assert all(map(math.isfinite, losses))
    assert losses[-1] > 4 * min(losses)


def test_accumulated_gradients_are_one_step_of_the_rate() -> None:
    config = mlplab.configure("data=iris", "+trainer.accumulate_grad_batches=3")
    rates, losses = measure(config, {**SETTINGS, "max_lr": 0.01, "num_steps": 20})
    assert len(rates) == len(losses) == 20


def test_smoothing_does_not_shift_a_fall() -> None:
    step = [1.0] * 50 + [0.0] * 50
    smoothed = smooth(step)
    assert len(smoothed) == 100
    assert smoothed[49] + smoothed[50] == pytest.approx(1.0)
    assert smoothed[:40] == pytest.approx([1.0] * 40)


def test_the_suggestion_is_the_steepest_fall_per_decade_before_the_lowest_loss() -> None:
    losses = [2 - 1.5 / (1 + math.exp(-4 * (math.log10(rate) + 2))) for rate in RATES[:120]]
    rising = [losses[-1] + 0.5 * step for step in range(1, 22)]
    assert suggest(RATES, [*losses, *rising]) == pytest.approx(0.01, rel=0.1)


def test_a_loss_that_does_not_fall_is_an_error() -> None:
    with pytest.raises(RunError, match="the loss does not fall"):
        suggest(RATES, [1.0 + rate for rate in RATES])
    with pytest.raises(RunError, match="the loss diverged after 5 steps"):
        suggest(RATES[:5], [1.0] * 5)


def test_a_network_learns_at_the_suggested_rate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    overrides = ["data=digits", "optimizer=momentum", "optimizer.lr=5", "model.hidden_features=[16]"]
    found = find_lr({**SETTINGS, "train": overrides})
    printed, error = capsys.readouterr()
    assert error == ""
    assert printed.splitlines()[-1] == (
        "train     python scripts/train.py data=digits optimizer=momentum "
        f"'model.hidden_features=[16]' optimizer.lr={found:.2g}"
    )
    (picture,) = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert picture.suffix == ".png"
    assert picture.stat().st_size > 5000
    trained = (*overrides[:2], "trainer.max_epochs=8", "report.picture=false", f"run_dir={tmp_path}/run")
    scores = mlplab.train(mlplab.configure(*trained, f"optimizer.lr={found:.2g}"))
    assert scores["accuracy/val"] > 0.8


def test_the_same_seed_measures_the_same_losses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    config = mlplab.configure("data=iris", "seed=3")
    assert measure(config, SETTINGS) == measure(config, SETTINGS)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"min_lr": 1.0, "max_lr": 0.1}, "min_lr=1 must be above 0 and below max_lr=0.1"),
        ({"num_steps": 5}, "num_steps=5: at least 20 are needed"),
        ({"stop_at": 1.0}, "stop_at=1: must be above 1"),
        ({"output": "a.jpg"}, "output=a.jpg: a PNG file is needed"),
        ({"output": "there.png"}, "output=there.png: exists already; overwrite=true replaces it"),
        ({"train": ["optimizer.lr=-1"]}, "optimizer.lr=-1: must be a number above 0"),
    ],
)
def test_invalid_options_are_refused_before_anything_is_written(
    changed: dict[str, object], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("there.png").write_text("mine")
    with pytest.raises(UserError, match=message):
        find_lr({**SETTINGS, "train": ["data=iris"], **changed})
    assert [path.name for path in tmp_path.iterdir()] == ["there.png"]
