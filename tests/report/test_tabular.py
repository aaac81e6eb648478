"""A table as a part of a picture."""

from matplotlib.figure import Figure
from matplotlib.table import Table

from mlplab.report.tabular import draw_table


def test_words_stand_in_their_cells_the_header_first() -> None:
    axes = Figure().subplots()
    draw_table(axes, ["name", "loss"], [["one", "1.00"], ["two", "2.00"]], [0.5, 0.5])
    (table,) = (one for one in axes.get_children() if isinstance(one, Table))
    cells = {place: cell.get_text().get_text() for place, cell in table.get_celld().items()}
    assert cells == {(0, 0): "name", (0, 1): "loss", (1, 0): "one", (1, 1): "1.00", (2, 0): "two", (2, 1): "2.00"}
    assert not axes.axison
    axes.figure.draw_without_rendering()
    heights = {round(cell.get_window_extent().height) for cell in table.get_celld().values()}
    assert len(heights) == 1
