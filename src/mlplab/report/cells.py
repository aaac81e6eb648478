"""A table within a picture."""

from collections.abc import Sequence

from matplotlib.axes import Axes


def draw_table(
    axes: Axes, header: Sequence[str], rows: Sequence[Sequence[str]], names: int = 0, fill: float = 1.0
) -> None:
    """Cells stand right, as numbers do in a book, those of the first `names` columns left. fill: share of the axes'
    height that is taken."""
    axes.set_axis_off()
    cells = [list(header), *map(list, rows)]
    widths = [max(len(line) for cell in column for line in cell.split("\n")) + 3 for column in zip(*cells, strict=True)]
    shares = [width / sum(widths) for width in widths]
    table = axes.table(cells, loc="center", edges="horizontal", colWidths=shares)
    table.auto_set_font_size(False)
    table.set_fontsize(9)
    tall = [1 + max(cell.count("\n") for cell in row) for row in cells]
    for (row, column), cell in table.get_celld().items():
        cell.visible_edges = "B"
        cell.set(linewidth=0.3 if row else 0.8, edgecolor="0.4", height=fill * tall[row] / sum(tall))
        cell.get_text().set(ha="left" if column < names else "right", fontweight="normal" if row else "bold")
        cell.PAD = 0.02
