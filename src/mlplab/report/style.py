"""One look for every picture: what a colour stands for, in grey and for the colour-blind too (Okabe and Ito, 2008)."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullFormatter, NullLocator

COLOURS = {"train": "#0072B2", "val": "#E69F00", "test": "#009E73"}
INK = {"train": "#0072B2", "val": "#B37400", "test": "#00785A"}  # of words, which need more contrast than lines
SPLIT_NAMES = {"train": "training", "val": "validation", "test": "test"}
LINE_STYLES = {"train": "-", "val": "--", "test": ":"}
# of things that are compared; dark and light take turns, and each has a line style of its own, so that grey is enough
COLOUR_CYCLE = ("#0072B2", "#E69F00", "#CC3311", "#56B4E9", "#4D4D4D", "#CC79A7", "#009E73", "#999999")
WORD_ORDER = ("#0072B2", "#B37400", "#CC3311", "#2A7FAE", "#4D4D4D", "#A84F82", "#00785A", "#6B6B6B")  # their names
LINES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)), (0, (1, 1)), (0, (8, 3)))
LOSS_NAMES = {
    "ce": "cross entropy",
    "bce": "binary cross entropy",
    "mse": "mean squared error",
    "rmse": "root mean squared error",
    "mae": "mean absolute error",
    "huber": "Huber loss",
}


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


Curve = tuple[Sequence[float], Sequence[float]]
APART = 11.0  # points between the names of two ends


def draw_lines(
    axes: Axes,
    curves: Mapping[str, Curve],
    band: Mapping[str, Curve] | None = None,
    order: Sequence[str] = (),
    **style: Any,
) -> None:
    """A line a name, in the order of the look's colours. band: by name, its lower and its upper edge.

    order: names by colour, where a thing keeps its colour over several panels; else that of the curves.
    """
    numbers = {name: [*(order or curves)].index(name) for name in curves}
    for name, (x, y) in curves.items():
        number = numbers[name]
        colour, line = COLOUR_CYCLE[number % len(COLOUR_CYCLE)], LINES[number % len(LINES)]
        axes.plot(x, y, color=colour, linestyle=line, **{"linewidth": 2, **style})
        if band and name in band:
            axes.fill_between(x, *band[name], color=colour, alpha=0.2, linewidth=0)
    ends = {name: (x[-1], y[-1], WORD_ORDER[numbers[name] % len(COLOUR_CYCLE)]) for name, (x, y) in curves.items()}
    label_ends(axes, ends)


def draw_range(
    axes: Axes,
    x: Sequence[float],
    values: Mapping[str, np.ndarray],
    middle: Callable[..., Any] = np.mean,
    order: Sequence[str] = (),
) -> None:
    """values: by name, (runs, len(x)): their mean, or median, in a band from the lowest to the highest."""
    band = {name: (runs.min(axis=0), runs.max(axis=0)) for name, runs in values.items()}
    draw_lines(axes, {name: (x, middle(runs, axis=0)) for name, runs in values.items()}, band, order)


def draw_loss(axes: Axes, rows: Sequence[Mapping[str, float]], score: str = "loss", labels: bool = True) -> None:
    """Training against validation, as everywhere. rows: a history."""
    epochs = [row["epoch"] for row in rows]
    curves = {split: [row[f"{score}/{split}"] for row in rows] for split in ("train", "val")}
    for split, values in curves.items():
        axes.plot(epochs, values, LINE_STYLES[split], color=COLOURS[split], linewidth=2)
    axes.set_xlim(0, max(epochs) or 1)
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    if labels:
        label_ends(axes, {SPLIT_NAMES[split]: (epochs[-1], curves[split][-1], INK[split]) for split in curves})


def draw_splits(axes: Axes, x: Sequence[float], curves: Mapping[str, Sequence[Sequence[float]]]) -> None:
    """Training against validation over anything, as a mean and a band from the lowest to the highest.

    curves: by split, one a seed. Call it when the limits stand.
    """
    ends = {}
    for split, seeds in curves.items():
        values = np.array(seeds)
        mean = values.mean(axis=0)
        axes.plot(
            x, mean, LINE_STYLES[split], color=COLOURS[split], linewidth=2, marker="o", markersize=4, clip_on=False
        )
        axes.fill_between(x, values.min(axis=0), values.max(axis=0), color=COLOURS[split], alpha=0.2, linewidth=0)
        ends[SPLIT_NAMES[split]] = (x[-1], float(mean[-1]), INK[split])
    label_ends(axes, ends)


def mark_best(axes: Axes, epoch: float, value: float, text: str) -> None:
    """A dot on a validation curve, with words in the gap between the two."""
    axes.plot([epoch], [value], "o", color="black", markersize=5)
    line = {"arrowstyle": "-", "color": "0.4"}
    axes.annotate(text, (epoch, value), (26, -4), textcoords="offset points", arrowprops=line, fontsize=9, va="center")


def label_ends(axes: Axes, ends: Mapping[str, tuple[float, float, str]]) -> None:
    """Names beside (x, y), each in its colour, pushed apart where they would overlap. Call it when the limits stand."""
    axes.figure.draw_without_rendering()  # type: ignore[union-attr]
    scale = 72 / axes.figure.dpi  # points a pixel
    frame = axes.get_window_extent()
    low, high = frame.y0 * scale, frame.y1 * scale
    wanted = {name: float(axes.transData.transform((x, y))[1]) * scale for name, (x, y, _) in ends.items()}
    heights = {name: high if math.isnan(height) else min(max(height, low), high) for name, height in wanted.items()}
    placed = _apart([*sorted(heights.values())], low, high)
    for (name, height), target in zip(sorted(heights.items(), key=lambda item: item[1]), placed, strict=True):
        x, _, colour = ends[name]
        axes.annotate(
            name,
            (x, axes.transData.inverted().transform((0, height / scale))[1]),
            xytext=(5, target - height),
            textcoords="offset points",
            color=colour,
            fontsize=9,
            va="center",
            annotation_clip=False,
        )


def _apart(heights: list[float], low: float, high: float) -> list[float]:
    """Sorted heights, at least APART from each other where there is room, by a sweep up and one down."""
    placed = list(heights)
    for place in range(1, len(placed)):
        placed[place] = max(placed[place], placed[place - 1] + APART)
    if placed and placed[-1] > high:
        placed[-1] = high
    for place in range(len(placed) - 2, -1, -1):
        placed[place] = min(placed[place], placed[place + 1] - APART)
    return placed


def spans_decades(values: Sequence[float] | np.ndarray, ratio: float) -> bool:
    """Whether positive values cover so much that a log scale tells them apart."""
    low, high = float(np.min(values)), float(np.max(values))
    return low > 0 and high / low > ratio


def log_scale_label(label: str) -> str:
    """The name of an axis: `validation loss (cross entropy, log scale)`."""
    return f"{label[:-1]}, log scale)" if label.endswith(")") else f"{label} (log scale)"


def break_at_bracket(label: str) -> str:
    """For a small picture: what stands in brackets on a line of its own."""
    return label.replace(" (", "\n(", 1)


def plain_log_ticks(axis: Axis) -> None:
    """Of a log scale whose limits stand: 0.05, 0.1, 0.2, not powers of ten; no more than six."""
    low, high = sorted(axis.get_view_interval())
    decades = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    for steps in ((1, 2, 5), (1, 3), (1,)):
        places = [step * 10.0**power for power in decades for step in steps if low <= step * 10.0**power <= high]
        if len(places) <= 6:
            break
    axis.set_major_locator(FixedLocator(places[:: 1 + (len(places) - 1) // 6]))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_locator(NullLocator())
    axis.set_minor_formatter(NullFormatter())
