"""A table's cells hold their words."""

from itertools import pairwise

from matplotlib.figure import Figure
from matplotlib.table import Table

from mlplab.report.cells import draw_table


def test_words_of_neighbouring_cells_stand_apart() -> None:
    figure = Figure(figsize=(5, 4), layout="constrained")
    axes = figure.subplots()
    draw_table(axes, ("size", "a long header\nof two lines", "loss"), [("1", "50,000", "0.18"), ("10", "5,000", "0.3")])
    figure.draw_without_rendering()
    (table,) = (one for one in axes.get_children() if isinstance(one, Table))
    cells = table.get_celld()
    assert {place: cell.get_text().get_text() for place, cell in cells.items()}[1, 1] == "50,000"
    for row in range(3):
        boxes = [cells[row, column].get_text().get_window_extent() for column in range(3)]
        assert all(left.x1 < right.x0 for left, right in pairwise(boxes))
        assert all(box.height <= cells[row, 0].get_window_extent().height for box in boxes)
