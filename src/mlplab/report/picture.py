"""curves.png: training against validation loss, fit for a textbook."""

import textwrap
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Annotation
from matplotlib.ticker import MaxNLocator

from mlplab.report.look import COLOURS, INK, LOSSES, STYLES, WORDS

Row = dict[str, float]

SPLITS = ("train", "val")
# of the label of the best epoch, in points from its dot; the first that hides least of the curves is taken
PLACES = [(x, y) for y in (14, -12, 40, -40, 80, -80) for x in (8, -8, 40, -40)]


def draw_curves(rows: Sequence[Row], best_epoch: int, title: str, loss: str, caption: str, path: str | Path) -> None:
    """rows: the history. loss: its name, and after a comma what it is of."""
    name, _, unit = loss.partition(", ")
    figure = Figure(figsize=(7, 4.4), dpi=150, layout="constrained")
    axes = figure.subplots()
    epochs = [row["epoch"] for row in rows]
    for split in SPLITS:
        axes.plot(epochs, [row[f"loss/{split}"] for row in rows], STYLES[split], color=COLOURS[split], linewidth=2)
    axes.set_xlabel("epoch (passes over the training data)")
    axes.set_ylabel(f"loss ({', '.join(filter(None, (LOSSES.get(name, name), unit)))})")
    axes.set_ylim(bottom=0)
    axes.set_xlim(0, max(epochs) or 1)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_title(title, loc="left", fontsize=11)
    figure.supxlabel(textwrap.fill(caption, 95), fontsize=9, x=0.01, ha="left")
    _label_ends(axes, rows)
    _mark_best(axes, rows[best_epoch])
    figure.savefig(path)


def _label_ends(axes: Axes, rows: Sequence[Row]) -> None:
    """Names beside the lines' ends, pushed apart where they would overlap."""
    ends = {split: rows[-1][f"loss/{split}"] for split in SPLITS}
    span = max(max(row["loss/train"], row["loss/val"]) for row in rows) or 1.0
    low, high = sorted(ends, key=lambda split: ends[split])
    push = max(0.0, 0.07 * span - (ends[high] - ends[low]))
    down = min(push / 2, ends[low])  # not below the axis
    for split, shift in ((low, -down), (high, push - down)):
        axes.annotate(
            WORDS[split],
            (rows[-1]["epoch"], ends[split] + shift),
            xytext=(6, 0),
            textcoords="offset points",
            color=INK[split],
            va="center",
            annotation_clip=False,
        )


def _mark_best(axes: Axes, best: Row) -> None:
    epoch, value = best["epoch"], best["loss/val"]
    axes.axvline(epoch, color="0.6", linewidth=1, linestyle=":")
    axes.plot([epoch], [value], "o", color="black", markersize=5)
    text = f"best epoch {epoch:.0f}\nvalidation {value:.3g}"
    label = axes.annotate(text, (epoch, value), xytext=PLACES[0], textcoords="offset points", fontsize=9)

    def place(offset: tuple[int, int]) -> None:
        label.xyann = offset
        label.set_horizontalalignment("left" if offset[0] > 0 else "right")
        label.set_verticalalignment("bottom" if offset[1] > 0 else "top")

    def hidden(offset: tuple[int, int]) -> int:
        place(offset)
        return _covered(axes, label)

    axes.figure.draw_without_rendering()  # type: ignore[union-attr]
    place(min(PLACES, key=hidden))


def _covered(axes: Axes, label: Annotation) -> int:
    """How many points of the curves a label hides; leaving the axes counts as hiding all."""
    box = label.get_window_extent().padded(3)
    frame = axes.get_window_extent()
    if not (frame.contains(box.x0, box.y0) and frame.contains(box.x1, box.y1)):
        return 10_000
    curves = axes.get_lines()[: len(SPLITS)]
    epochs = np.linspace(*axes.get_xlim(), 1000)
    points = [
        np.stack([epochs, np.interp(epochs, np.asarray(line.get_xdata()), np.asarray(line.get_ydata()))], axis=1)
        for line in curves
    ]
    return sum(int(box.count_contains(axes.transData.transform(curve))) for curve in points)
