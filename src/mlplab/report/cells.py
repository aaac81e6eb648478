"""A small table within a picture."""

from collections.abc import Sequence
from typing import Any


def draw_table(axes: Any, header: Sequence[str], rows: Sequence[Sequence[str]], size: float = 10) -> None:
    """Numbers stand right, as in a book; a line below the header and one below the last row. Takes the whole axes."""
    axes.set_axis_off()
    cells = [list(header), *map(list, rows)]
    widths = [max(len(line) for cell in column for line in cell.split("\n")) + 3 for column in zip(*cells, strict=True)]
    shares = [width / sum(widths) for width in widths]
    table = axes.table(cells, loc="center", cellLoc="right", edges="horizontal", colWidths=shares)
    table.auto_set_font_size(False)
    table.set_fontsize(size)
    table.scale(1, 1.7)
    tall = max(cell.count("\n") for cell in header) + 1
    for (row, _), cell in table.get_celld().items():
        cell.visible_edges = "B" if row in (0, len(rows)) else ""
        cell.set_linewidth(0.8)
        if row == 0:
            cell.set_height(cell.get_height() * (0.4 + 0.6 * tall))
