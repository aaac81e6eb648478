"""A cell for each pair of values, with its number in it."""

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from mlplab.report.sweep_plots import draw_heat

VALUES = np.array([[0.1, 0.5, np.nan], [0.2, 5.0, 0.4]])
WORDS = [["0.1", "0.5", "failed"], ["0.2", "5", "0.4"]]


def light(colour: object) -> float:
    return float(np.dot(to_rgb(colour), (0.3, 0.59, 0.11)))  # type: ignore[arg-type]


@pytest.mark.parametrize("lower_is_better", [True, False])
def test_better_cells_are_darker_and_words_can_be_read(lower_is_better: bool) -> None:
    axes = Figure().subplots()
    draw_heat(axes, ("a", "b"), (["x", "y"], ["1", "2", "3"]), VALUES, WORDS, (0, 0), lower_is_better)
    *cells, frame = (patch for patch in axes.patches if isinstance(patch, Rectangle))
    shades = [light(cell.get_facecolor()[:3]) for cell in cells]
    known = [shade for shade, cell in zip(shades, cells, strict=True) if cell.get_facecolor()[3] > 0]
    values = [value for value in VALUES.ravel() if np.isfinite(value)]
    order = np.argsort(values) if lower_is_better else np.argsort(values)[::-1]
    assert list(np.argsort(known)) == list(order)
    assert [text.get_text() for text in axes.texts] == [word for row in WORDS for word in row]
    for cell, text in zip(cells, axes.texts, strict=True):
        if cell.get_facecolor()[3] > 0:
            assert abs(light(cell.get_facecolor()[:3]) - light(text.get_color())) > 0.4
    assert cells[2].get_hatch() == "///"
    assert frame.get_xy() == pytest.approx((-0.46, -0.46))
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("b", "a")
    assert [label.get_text() for label in axes.get_xticklabels()] == ["1", "2", "3"]


def test_values_that_are_all_the_same_are_drawn() -> None:
    axes = Figure().subplots()
    draw_heat(axes, ("a", "b"), (["x", "y"], ["1", "2"]), np.full((2, 2), 0.5), [["", ""], ["", ""]], (1, 1))
    axes.figure.draw_without_rendering()
    assert len(axes.patches) == 5
