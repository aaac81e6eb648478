"""Results of a regression, against numbers by hand."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from mlplab.report.regression import Parity, draw_spread

BY_HAND = Parity(np.array([[1.0, 10.0], [3.0, 20.0]]), np.array([[2.0, 10.0], [2.0, 25.0]]), ["m", "kg"])


def test_a_residual_is_target_minus_prediction() -> None:
    assert BY_HAND.residuals.tolist() == [[-1, 0], [1, -5]]
    header, first, second = BY_HAND.rows()
    assert header == ["row", "m", "predicted m", "residual of m", "kg", "predicted kg", "residual of kg"]
    assert first == [1, 1.0, 2.0, -1.0, 10.0, 10.0, 0.0]
    assert second == [2, 3.0, 2.0, 1.0, 20.0, 25.0, -5.0]


def test_each_target_has_mean_std_and_extremes_of_its_residuals() -> None:
    assert BY_HAND.per_target() == [
        ["m", 0.0, 1.0, -1.0, 0.0, 1.0],
        ["kg", -2.5, 2.5, -5.0, -2.5, 0.0],
    ]
    assert " ".join(BY_HAND.text().split()).startswith("residual (target - prediction) of mean std min median max ")


@pytest.mark.parametrize("count", [1, 5000])
def test_the_picture_has_one_row_per_target(tmp_path: Path, count: int) -> None:
    target = np.random.default_rng(0).normal(size=(count, 2))
    Parity(target, target + 0.1, ["m", "kg"]).draw("a title", tmp_path / "two.png")
    Parity(target[:, :1], target[:, :1], ["m"]).draw("a title", tmp_path / "one.png")
    with Image.open(tmp_path / "two.png") as two, Image.open(tmp_path / "one.png") as one:
        assert two.height == pytest.approx(2 * one.height, abs=2)


def test_spread_has_a_dot_per_value_and_the_smallest_mean_at_the_top() -> None:
    axes = Figure().subplots()
    draw_spread(axes, {"large": [3.0, 5.0], "small": [1.0, 2.0, 3.0]})
    assert [label.get_text() for label in axes.get_yticklabels()] == ["small", "large"]
    assert axes.get_ylim()[0] > axes.get_ylim()[1], "row 0 on top"
    dots, mean = axes.get_lines()[:2]
    assert list(dots.get_xdata()) == [1.0, 2.0, 3.0]
    assert list(mean.get_xdata()) == [2.0]
