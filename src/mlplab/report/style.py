"""Colours, line styles and labels that all figures share; they differ in grey and for the colour-blind too.

The palette is that of Okabe and Ito (2008).
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullFormatter, NullLocator

Curve = tuple[Sequence[float], Sequence[float]]

COLOURS = {"train": "#0072B2", "val": "#E69F00", "test": "#009E73"}
INK = {"train": "#0072B2", "val": "#B37400", "test": "#00785A"}  # of labels, which need more contrast than lines
SPLIT_NAMES = {"train": "training", "val": "validation", "test": "test"}
LINE_STYLES = {"train": "-", "val": "--", "test": ":"}
# of compared curves: dark and light alternate and each has its own line style, so that grey is enough
COLOUR_CYCLE = ("#0072B2", "#E69F00", "#CC3311", "#56B4E9", "#4D4D4D", "#CC79A7", "#009E73", "#999999")
LABEL_CYCLE = ("#0072B2", "#B37400", "#CC3311", "#2A7FAE", "#4D4D4D", "#A84F82", "#00785A", "#6B6B6B")
LINES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)), (0, (1, 1)), (0, (8, 3)))
GREY = "#999999"
DARK = "#111111"  # of text on a light cell, on a dark page too
PAGE_COLOUR = "#fefefe"  # to_svg replaces it with the background of the page
LABEL_GAP = 11.0  # points between the labels of two line ends
LOSS_NAMES = {
    "ce": "cross entropy",
    "bce": "binary cross entropy",
    "mse": "mean squared error",
    "rmse": "root mean squared error",
    "mae": "mean absolute error",
    "huber": "Huber loss",
}


def cycle_colour(number: int) -> str:
    return COLOUR_CYCLE[number % len(COLOUR_CYCLE)]


def cycle_line(number: int) -> Any:
    """Returns a line style of matplotlib."""
    return LINES[number % len(LINES)]


def hide_spines(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)


def text_box(pad: float) -> dict[str, Any]:
    """Returns the `bbox` of a text that stays readable over lines."""
    return {"facecolor": PAGE_COLOUR, "edgecolor": "none", "pad": pad, "alpha": 0.85}


def draw_lines(
    axes: Axes,
    curves: Mapping[str, Curve],
    band: Mapping[str, Curve] | None = None,
    order: Sequence[str] = (),
    **style: Any,
) -> None:
    """Draws one labelled line per name.

    band: lower and upper edge by name. order: names that fix the colours, where a name keeps its colour over several
    panels; by default the order of the curves. style: arguments of plot.
    """
    numbers = {name: [*(order or curves)].index(name) for name in curves}
    for name, (x, y) in curves.items():
        colour, line = cycle_colour(numbers[name]), cycle_line(numbers[name])
        axes.plot(x, y, color=colour, linestyle=line, **{"linewidth": 2, **style})
        if band and name in band:
            axes.fill_between(x, *band[name], color=colour, alpha=0.2, linewidth=0)
    ends = {name: (x[-1], y[-1], LABEL_CYCLE[numbers[name] % len(LABEL_CYCLE)]) for name, (x, y) in curves.items()}
    label_ends(axes, ends)


def draw_range(
    axes: Axes,
    x: Sequence[float],
    values: Mapping[str, np.ndarray],
    middle: Callable[..., Any] = np.mean,
    order: Sequence[str] = (),
) -> None:
    """Draws the mean of several runs per name, in a band from the minimum to the maximum.

    values: (runs, len(x)) by name. middle: np.mean or np.median.
    """
    band = {name: (runs.min(axis=0), runs.max(axis=0)) for name, runs in values.items()}
    draw_lines(axes, {name: (x, middle(runs, axis=0)) for name, runs in values.items()}, band, order)


def draw_loss(axes: Axes, rows: Sequence[Mapping[str, float]], score: str = "loss", labels: bool = True) -> None:
    """Draws training against validation by epoch. rows: of history.csv. labels: names at the line ends."""
    epochs = [row["epoch"] for row in rows]
    for split in ("train", "val"):
        values = [row[f"{score}/{split}"] for row in rows]
        axes.plot(epochs, values, LINE_STYLES[split], color=COLOURS[split], linewidth=2)
    axes.set_xlim(0, max(epochs) or 1)
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    if labels:
        ends = {split: float(rows[-1][f"{score}/{split}"]) for split in ("train", "val")}
        label_ends(axes, {SPLIT_NAMES[split]: (epochs[-1], value, INK[split]) for split, value in ends.items()})


def draw_splits(axes: Axes, x: Sequence[float], curves: Mapping[str, Sequence[Sequence[float]]]) -> None:
    """Draws a mean per split, in a band from the minimum to the maximum; set the limits of the axes first.

    curves: by split, one curve per seed.
    """
    ends = {}
    for split, seeds in curves.items():
        values = np.array(seeds)
        mean = values.mean(axis=0)
        style: dict[str, Any] = {"color": COLOURS[split], "linewidth": 2, "marker": "o", "markersize": 4}
        axes.plot(x, mean, LINE_STYLES[split], clip_on=False, **style)
        axes.fill_between(x, values.min(axis=0), values.max(axis=0), color=COLOURS[split], alpha=0.2, linewidth=0)
        ends[SPLIT_NAMES[split]] = (x[-1], float(mean[-1]), INK[split])
    label_ends(axes, ends)


def mark_best(axes: Axes, epoch: float, value: float, text: str) -> None:
    """Draws a dot on a validation curve with a label beside it."""
    axes.plot([epoch], [value], "o", color="black", markersize=5)
    line = {"arrowstyle": "-", "color": "0.4"}
    axes.annotate(text, (epoch, value), (26, -4), textcoords="offset points", arrowprops=line, fontsize=9, va="center")


def draw_table(
    axes: Axes, header: Sequence[str], rows: Sequence[Sequence[str]], names: int = 0, fill: float = 1.0
) -> None:
    """Draws a table in place of axes; cells are aligned right.

    names: number of leading columns that are aligned left. fill: fraction of the height of the axes.
    """
    axes.set_axis_off()
    cells = [list(header), *map(list, rows)]
    widths = [max(len(line) for cell in column for line in cell.split("\n")) + 3 for column in zip(*cells, strict=True)]
    fractions = [width / sum(widths) for width in widths]
    table = axes.table(cells, loc="center", edges="horizontal", colWidths=fractions)
    table.auto_set_font_size(False)
    table.set_fontsize(9)
    lines = [1 + max(cell.count("\n") for cell in row) for row in cells]
    for (row, column), cell in table.get_celld().items():
        cell.visible_edges = "B"
        cell.set(linewidth=0.3 if row else 0.8, edgecolor="0.4", height=fill * lines[row] / sum(lines))
        cell.get_text().set(ha="left" if column < names else "right", fontweight="normal" if row else "bold")
        cell.PAD = 0.02


def label_ends(axes: Axes, ends: Mapping[str, tuple[float, float, str]]) -> None:
    """Writes names beside the ends of lines, without overlap; set the limits of the axes first.

    ends: x, y and colour by name.
    """
    axes.figure.draw_without_rendering()  # type: ignore[union-attr]
    scale = 72 / axes.figure.dpi  # points per pixel
    frame = axes.get_window_extent()
    low, high = frame.y0 * scale, frame.y1 * scale
    wanted = {name: float(axes.transData.transform((x, y))[1]) * scale for name, (x, y, _) in ends.items()}
    heights = {name: high if math.isnan(height) else min(max(height, low), high) for name, height in wanted.items()}
    upwards = sorted(heights, key=lambda name: heights[name])
    style: dict[str, Any] = {"textcoords": "offset points", "fontsize": 9, "va": "center", "annotation_clip": False}
    for name, placed in zip(upwards, _spread([heights[name] for name in upwards], high), strict=True):
        x, _, colour = ends[name]
        at = (x, axes.transData.inverted().transform((0, heights[name] / scale))[1])
        axes.annotate(name, at, (5, placed - heights[name]), color=colour, **style)


def _spread(heights: list[float], high: float) -> list[float]:
    """Moves sorted heights at least LABEL_GAP apart and below `high`: one pass upwards, one downwards."""
    placed = list(heights)
    for place in range(1, len(placed)):
        placed[place] = max(placed[place], placed[place - 1] + LABEL_GAP)
    if placed and placed[-1] > high:
        placed[-1] = high
    for place in range(len(placed) - 2, -1, -1):
        placed[place] = min(placed[place], placed[place + 1] - LABEL_GAP)
    return placed


def spans_decades(values: Sequence[float] | np.ndarray, ratio: float) -> bool:
    """Returns whether values are positive and their range is wide enough for a log scale: max / min > ratio."""
    low, high = float(np.min(values)), float(np.max(values))
    return low > 0 and high / low > ratio


def log_scale_label(label: str) -> str:
    """Adds the scale: `validation loss (cross entropy)` -> `validation loss (cross entropy, log scale)`."""
    return f"{label[:-1]}, log scale)" if label.endswith(")") else f"{label} (log scale)"


def break_at_bracket(label: str) -> str:
    """Moves the bracket of a label to a second line, for a small figure."""
    return label.replace(" (", "\n(", 1)


def plain_log_ticks(axis: Axis) -> None:
    """Labels a log scale with at most six plain numbers, as 0.05, 0.1, 0.2; set the limits of the axes first."""
    low, high = sorted(axis.get_view_interval())
    decades = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    for steps in ((1, 2, 5), (1, 3), (1,)):
        ticks = [step * 10.0**power for power in decades for step in steps if low <= step * 10.0**power <= high]
        if len(ticks) <= 6:
            break
    axis.set_major_locator(FixedLocator(ticks[:: 1 + (len(ticks) - 1) // 6]))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_locator(NullLocator())
    axis.set_minor_formatter(NullFormatter())
