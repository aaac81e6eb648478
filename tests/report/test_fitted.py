"""A curve through its points."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from mlplab.report.decision_boundary import CURVE_GRID, MAX_CURVE_POINTS, axis_grid, draw_fit, draw_probabilities


def test_the_axis_reaches_beyond_the_points() -> None:
    x = axis_grid(np.array([[2.0], [12.0]]))
    assert x.shape == (CURVE_GRID, 1)
    assert (x[0, 0], x[-1, 0]) == (1.0, 13.0)
    assert np.ptp(axis_grid(np.array([[3.0]]))) > 0


def test_what_is_told_and_the_points_are_drawn_as_they_are() -> None:
    figure = Figure()
    axes = figure.subplots()
    x = np.linspace(0, 1, CURVE_GRID)
    points = {
        "train": (np.array([0.1, 0.2]), np.array([1.0, 2.0])),
        "val": (np.zeros(MAX_CURVE_POINTS + 5), np.zeros(MAX_CURVE_POINTS + 5)),
    }
    draw_fit(axes, x, 2 * x, points, ("x", "y"))
    np.testing.assert_array_equal(axes.get_lines()[0].get_ydata(), 2 * x)
    assert [len(one.get_offsets()) for one in axes.collections] == [2, MAX_CURVE_POINTS]  # type: ignore[arg-type]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["training", "validation", "prediction"]
    assert axes.get_xlim() == pytest.approx((0, 1))


def test_each_class_has_a_curve_of_probability() -> None:
    axes = Figure().subplots()
    x = np.linspace(0, 1, CURVE_GRID)
    draw_probabilities(axes, x, np.stack([x, 1 - x], axis=1), ["up", "down"], "x")
    assert {text.get_text() for text in axes.texts} == {"up", "down"}
    np.testing.assert_allclose(axes.get_lines()[1].get_ydata(), 1 - x)
