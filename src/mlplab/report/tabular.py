"""A table as a part of a picture."""

from collections.abc import Sequence

from matplotlib.axes import Axes


def draw_table(axes: Axes, header: Sequence[str], rows: Sequence[Sequence[str]], widths: Sequence[float]) -> None:
    """Words, the first column to the left, the others to the right. widths: of the columns, as shares of the axes."""
    axes.set_axis_off()
    table = axes.table([*rows], colLabels=[*header], colWidths=[*widths], loc="upper center", edges="horizontal")
    table.auto_set_font_size(False)
    table.set_fontsize(9)
    for (row, column), cell in table.get_celld().items():
        cell.set(linewidth=0.8 if row == 0 else 0.3, edgecolor="0.4", height=1 / (len(rows) + 1))
        cell.get_text().set(ha="left" if column == 0 else "right", fontweight="bold" if row == 0 else "normal")
        cell.PAD = 0.02
