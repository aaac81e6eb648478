"""The trajectory of the weights: one point per epoch, fewer in a long run, complete after a resume."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mlplab
from mlplab.trainer import weight_trajectory
from mlplab.trainer.weight_trajectory import thinning_stride

Train = Callable[..., tuple[Path, dict[str, Any]]]
LINE = ("experiment=line", "report.trajectory=true")


def path(run: Path) -> tuple[np.ndarray, np.ndarray]:
    with np.load(run / "trajectory.npz") as saved:
        return saved["epochs"], saved["weights"]


def test_the_first_steps_on_line_are_those_computed_by_hand(train: Train) -> None:
    run, _ = train(*LINE, "trainer.max_epochs=1")
    epochs, weights = path(run)
    assert epochs.tolist() == [0, 1]
    assert weights.dtype == np.float64
    assert weights == pytest.approx(np.array([[-1, 5], [-0.7, 5.1]]))


def test_a_long_path_is_thinner_the_later_and_has_both_ends(train: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, _ = train(*LINE, "trainer.max_epochs=41")
    monkeypatch.setattr(weight_trajectory, "MAX_POINTS", 16)
    thin, _ = train(*LINE, "trainer.max_epochs=41")
    epochs, weights = path(thin)
    assert epochs.tolist() == [*range(5), 6, 8, 12, 16, 24, 32, 41]
    assert np.array_equal(weights, path(whole)[1][epochs])


def test_a_resumed_run_has_the_path_of_an_uninterrupted_one(train: Train) -> None:
    whole, _ = train(*LINE, "trainer.max_epochs=30")
    stopped, _ = train(*LINE, "trainer.max_epochs=11")
    mlplab.resume(stopped, max_epochs=30)
    for one, other in zip(path(whole), path(stopped), strict=True):
        assert np.array_equal(one, other)


def test_the_recorded_numbers_are_limited() -> None:
    assert weight_trajectory.MAX_NUMBERS // 669_706 < 16, "a net of MNIST keeps 16 points"
    for dense in (1, 2, 64):
        recorded = [epoch for epoch in range(1 + 64 * dense) if epoch % thinning_stride(epoch, dense) == 0]
        assert len(recorded) == 1 + dense + 6 * max(1, dense // 2)
