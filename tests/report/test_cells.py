"""A table's cells hold their words, and the table its axes."""

from itertools import pairwise

import pytest
from matplotlib.figure import Figure
from matplotlib.table import Cell, Table

from mlplab.report.style import draw_table

HEADER, ROWS = ("size", "a long header\nof two lines", "loss"), [("1", "50,000", "0.18"), ("10", "5,000", "0.3")]


def drawn(names: int = 0, fill: float = 1.0) -> tuple[Figure, dict[tuple[int, int], Cell]]:
    figure = Figure(figsize=(5, 4), layout="constrained")
    axes = figure.subplots()
    draw_table(axes, HEADER, ROWS, names, fill)
    figure.draw_without_rendering()
    assert not axes.axison
    (table,) = (one for one in axes.get_children() if isinstance(one, Table))
    return figure, table.get_celld()


def test_words_stand_in_their_cells_the_header_first_and_neighbours_apart() -> None:
    _, cells = drawn()
    told = {place: cell.get_text().get_text() for place, cell in cells.items()}
    assert told == {(row, column): word for row, own in enumerate([HEADER, *ROWS]) for column, word in enumerate(own)}
    for row in range(3):
        boxes = [cells[row, column].get_text().get_window_extent() for column in range(3)]
        assert all(left.x1 < right.x0 for left, right in pairwise(boxes))
        assert all(box.height <= cells[row, 0].get_window_extent().height for box in boxes)


@pytest.mark.parametrize("fill", [1.0, 0.5])
def test_lines_are_of_one_height_and_together_fill_what_they_are_given(fill: float) -> None:
    figure, cells = drawn(fill=fill)
    heights = [cells[row, 0].get_window_extent().height for row in range(3)]
    assert heights[0] == pytest.approx(2 * heights[1])
    assert sum(heights) == pytest.approx(fill * figure.axes[0].get_window_extent().height)


def test_numbers_stand_right_and_names_left() -> None:
    _, cells = drawn(names=1)
    at = [cells[row, 0].get_text().get_window_extent() for row in (1, 2)]
    assert at[0].x0 == pytest.approx(at[1].x0, abs=1)
    at = [cells[row, 2].get_text().get_window_extent() for row in (1, 2)]
    assert at[0].x1 == pytest.approx(at[1].x1, abs=1)
