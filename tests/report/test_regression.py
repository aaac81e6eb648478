"""Parity and residuals, against numbers made by hand."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mlplab.report.regression import Parity

BY_HAND = Parity(np.array([[1.0, 10.0], [3.0, 20.0]]), np.array([[2.0, 10.0], [2.0, 25.0]]), ["m", "kg"])


def test_a_residual_is_target_less_prediction() -> None:
    assert BY_HAND.residuals.tolist() == [[-1, 0], [1, -5]]
    header, first, second = BY_HAND.rows()
    assert header == ["row", "m", "predicted m", "residual of m", "kg", "predicted kg", "residual of kg"]
    assert first == [1, 1.0, 2.0, -1.0, 10.0, 10.0, 0.0]
    assert second == [2, 3.0, 2.0, 1.0, 20.0, 25.0, -5.0]


def test_each_target_has_its_mean_sd_and_extremes() -> None:
    assert BY_HAND.per_target() == [
        ["m", 0.0, 1.0, -1.0, 0.0, 1.0],
        ["kg", -2.5, 2.5, -5.0, -2.5, 0.0],
    ]
    assert "residual (target - prediction) of" in BY_HAND.text()


@pytest.mark.parametrize("count", [1, 5000])
def test_the_picture_has_a_row_a_target(tmp_path: Path, count: int) -> None:
    target = np.random.default_rng(0).normal(size=(count, 2))
    Parity(target, target + 0.1, ["m", "kg"]).draw("a title", tmp_path / "two.png")
    Parity(target[:, :1], target[:, :1], ["m"]).draw("a title", tmp_path / "one.png")
    with Image.open(tmp_path / "two.png") as two, Image.open(tmp_path / "one.png") as one:
        assert two.height == pytest.approx(2 * one.height, abs=2)
