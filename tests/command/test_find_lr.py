"""A learning rate to begin with: from Lightning's curve, told with a command, nothing else left behind."""

import math
from pathlib import Path

import numpy as np
import pytest
from lightning.pytorch.tuner.lr_finder import _LRCallback

import mlplab
from mlplab.command.find_lr import find_lr, measure, raw, smooth, suggest
from mlplab.errors import RunError, UserError

SETTINGS = {"min_lr": 1e-6, "max_lr": 10.0, "num_steps": 120, "stop_at": 4.0, "output": None, "overwrite": False}
RATES = [float(rate) for rate in np.logspace(-6, 1, 141)]


def test_the_losses_of_steps_come_back_from_lightnings_mean() -> None:
    losses = [2.0, 1.0, 3.0, 0.5]
    mean, told = 0.0, []
    for step, loss in enumerate(losses, start=1):  # as its callback does
        mean = 0.98 * mean + 0.02 * loss
        told.append(mean / (1 - 0.98 ** (step + 1)))
    assert told[0] == pytest.approx(1.01, abs=0.01), "half of the loss"
    assert raw(told) == pytest.approx(losses)
    assert _LRCallback(1).beta == 0.98


def test_the_mean_of_steps_shifts_nothing() -> None:
    step = [1.0] * 50 + [0.0] * 50
    smoothed = smooth(step)
    assert len(smoothed) == 100
    assert smoothed[49] + smoothed[50] == pytest.approx(1.0)
    assert smoothed[:40] == pytest.approx([1.0] * 40)


def test_the_steepest_fall_a_decade_is_taken_before_the_lowest_loss() -> None:
    losses = [2 - 1.5 / (1 + math.exp(-4 * (math.log10(rate) + 2))) for rate in RATES[:120]]
    rising = [losses[-1] + 0.5 * step for step in range(1, 22)]
    assert suggest(RATES, [*losses, *rising]) == pytest.approx(0.01, rel=0.1)


def test_a_loss_that_falls_nowhere_is_told() -> None:
    with pytest.raises(RunError, match="the loss falls nowhere"):
        suggest(RATES, [1.0 + rate for rate in RATES])
    with pytest.raises(RunError, match="left the range after 5 steps"):
        suggest(RATES[:5], [1.0] * 5)


def test_a_real_network_is_given_a_rate_at_which_it_learns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    words = ["data=digits", "optimizer=momentum", "optimizer.lr=5", "model.hidden_features=[16]"]
    found = find_lr({**SETTINGS, "train": words})
    said, error = capsys.readouterr()
    assert error == ""
    assert said.splitlines()[-1] == (
        "train     python scripts/train.py data=digits optimizer=momentum "
        f"'model.hidden_features=[16]' optimizer.lr={found:.2g}"
    )
    (picture,) = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert picture.suffix == ".png"
    assert picture.stat().st_size > 5000
    trained = (*words[:2], "trainer.max_epochs=8", "report.picture=false", f"run_dir={tmp_path}/run")
    scores = mlplab.train(mlplab.configure(*trained, f"optimizer.lr={found:.2g}"))
    assert scores["accuracy/val"] > 0.8


def test_the_seed_repeats_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    config = mlplab.configure("data=iris", "seed=3")
    assert measure(config, SETTINGS) == measure(config, SETTINGS)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"min_lr": 1.0, "max_lr": 0.1}, "min_lr=1 must be above 0 and below max_lr=0.1"),
        ({"num_steps": 5}, "num_steps=5: at least 20 are needed"),
        ({"stop_at": 1.0}, "stop_at=1: must be above 1"),
        ({"output": "a.jpg"}, "output=a.jpg: a PNG file is needed"),
        ({"output": "there.png"}, "output=there.png: exists already; overwrite=true replaces it"),
        ({"train": ["optimizer.lr=-1"]}, "optimizer.lr=-1: must be a number above 0"),
    ],
)
def test_a_mistake_is_told_before_anything_is_written(
    changed: dict[str, object], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("there.png").write_text("mine")
    with pytest.raises(UserError, match=said):
        find_lr({**SETTINGS, "train": ["data=iris"], **changed})
    assert [path.name for path in tmp_path.iterdir()] == ["there.png"]
