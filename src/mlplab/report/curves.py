"""Loss curves: curves.png of a run, the curves of many configurations, the learning rate range test."""

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Annotation
from matplotlib.ticker import MaxNLocator
from PIL import Image

from mlplab.report.figure import FILE_DPI, Panel
from mlplab.report.style import (
    COLOUR_CYCLE,
    GREY,
    INK,
    LOSS_NAMES,
    SPLIT_NAMES,
    Curve,
    draw_lines,
    draw_loss,
    hide_spines,
    log_scale_label,
    plain_log_ticks,
    spans_decades,
)

Row = dict[str, float]
Seeds = tuple[Sequence[float], Sequence[Sequence[float]]]  # epochs, and one curve per seed
EPOCHS = "epoch (passes over the training data)"
# offsets of the label of the best epoch, in points from its dot; the first that hides least of the curves is taken
OFFSETS = [(x, y) for y in (14, -12, 40, -40, 80, -80) for x in (8, -8, 40, -40)]
NAMED = 5  # of many configurations the best are drawn in colour with a label, the others in grey


def draw_curves(rows: Sequence[Row], best_epoch: int, title: str, loss: str, caption: str, path: str | Path) -> None:
    """Writes curves.png: training against validation loss, with a mark at the best epoch.

    rows: of history.csv. loss: its name, and after a comma what it is measured on.
    """
    name, _, unit = loss.partition(", ")
    figure = Figure(figsize=(7, 4.4), dpi=FILE_DPI, layout="constrained")
    axes = figure.subplots()
    draw_loss(axes, rows, labels=False)
    axes.set(xlabel=EPOCHS, ylabel=f"loss ({', '.join(filter(None, (LOSS_NAMES.get(name, name), unit)))})")
    axes.set_ylim(bottom=0)
    hide_spines(axes)
    axes.set_title(title, loc="left", fontsize=11)
    figure.supxlabel(textwrap.fill(caption, 95), fontsize=9, x=0.01, ha="left")
    _label_splits(axes, rows)
    _mark_best(axes, rows[best_epoch])
    figure.savefig(path)


def _label_splits(axes: Axes, rows: Sequence[Row]) -> None:
    """Labels both lines without overlap; style.label_ends renders the figure once more, a fifth of the time of all."""
    ends = {split: rows[-1][f"loss/{split}"] for split in ("train", "val")}
    span = max(max(row["loss/train"], row["loss/val"]) for row in rows) or 1.0
    low, high = sorted(ends, key=lambda split: ends[split])
    push = max(0.0, 0.07 * span - (ends[high] - ends[low]))
    down = min(push / 2, ends[low])  # not below the axis
    style: dict[str, Any] = {"xytext": (6, 0), "textcoords": "offset points", "va": "center", "annotation_clip": False}
    for split, shift in ((low, -down), (high, push - down)):
        at = (rows[-1]["epoch"], ends[split] + shift)
        axes.annotate(SPLIT_NAMES[split], at, color=INK[split], **style)


def _mark_best(axes: Axes, best: Row) -> None:
    epoch, value = best["epoch"], best["loss/val"]
    axes.axvline(epoch, color="0.6", linewidth=1, linestyle=":")
    axes.plot([epoch], [value], "o", color="black", markersize=5)
    text = f"best epoch {epoch:.0f}\nvalidation {value:.3g}"
    label = axes.annotate(text, (epoch, value), xytext=OFFSETS[0], textcoords="offset points", fontsize=9)

    def place(offset: tuple[int, int]) -> None:
        label.xyann = offset
        label.set_horizontalalignment("left" if offset[0] > 0 else "right")
        label.set_verticalalignment("bottom" if offset[1] > 0 else "top")

    def hidden(offset: tuple[int, int]) -> int:
        place(offset)
        return _hidden_points(axes, label)

    axes.figure.draw_without_rendering()  # type: ignore[union-attr]
    place(min(OFFSETS, key=hidden))


def _hidden_points(axes: Axes, label: Annotation) -> int:
    """Counts the points of the two curves that a label hides; a label that leaves the axes hides all."""
    box = label.get_window_extent().padded(3)
    frame = axes.get_window_extent()
    if not (frame.contains(box.x0, box.y0) and frame.contains(box.x1, box.y1)):
        return 10_000
    epochs = np.linspace(*axes.get_xlim(), 1000)
    points = [
        np.stack([epochs, np.interp(epochs, np.asarray(line.get_xdata()), np.asarray(line.get_ydata()))], axis=1)
        for line in axes.get_lines()[:2]
    ]
    return sum(int(box.count_contains(axes.transData.transform(curve))) for curve in points)


def draw_family(axes: Axes, configurations: Mapping[str, Seeds], label: str, lower_is_better: bool = True) -> None:
    """Draws the mean curve of each configuration in a band of one standard deviation.

    configurations: best first. label: of the vertical axis.
    """
    curves, bands = {}, {}
    for name, (epochs, seeds) in configurations.items():
        values = np.array(seeds, dtype=float)
        std = values.std(axis=0, ddof=1) if len(values) > 1 else np.zeros(values.shape[1])
        mean = values.mean(axis=0)
        curves[name] = ([*epochs], mean.tolist())
        bands[name] = (np.maximum(mean - std, values.min(axis=0)).tolist(), (mean + std).tolist())
    named, others = [*curves][:NAMED], [*curves][NAMED:]
    _scale_scores(axes, curves, named, label, lower_is_better)
    axes.set_xlabel(EPOCHS)
    axes.set_xlim(0, max(epochs[-1] for epochs, _ in curves.values()) or 1)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    for name in others:
        axes.plot(*curves[name], color=GREY, linewidth=0.8, alpha=0.7)
    draw_lines(axes, {name: curves[name] for name in named}, {name: bands[name] for name in named}, linewidth=1.8)


def _scale_scores(
    axes: Axes, curves: Mapping[str, Curve], named: Sequence[str], label: str, lower_is_better: bool
) -> None:
    """Sets the vertical axis by the named curves, so that one that diverges does not flatten them."""
    best = np.concatenate([curves[name][1] for name in named])
    everything = np.concatenate([values for _, values in curves.values()])
    top = min(float(everything.max()), 3 * float(best.max()))
    if lower_is_better and spans_decades(best, 10):
        axes.set_yscale("log")
        axes.set_ylim(0.8 * max(float(best.min()), 1e-9), 1.15 * top)
        plain_log_ticks(axes.yaxis)
        label = log_scale_label(label)
    elif lower_is_better:
        axes.set_ylim(0, 1.05 * top)
    else:
        low = max(float(everything.min()), float(best.max()) - 2.0)
        axes.set_ylim(low - 0.03 * (float(best.max()) - low), float(best.max()) * 1.02)
    axes.set_ylabel(label)


def draw_rates(rates: Sequence[float], losses: Sequence[float], suggested: float, title: str, path: Path) -> None:
    """Draws a learning rate range test and marks the suggested rate. losses: smoothed, one per rate."""

    def draw(axes: Axes) -> None:
        axes.plot(rates, losses, color=COLOUR_CYCLE[0], linewidth=2)
        axes.set_xscale("log")
        axes.set_xlabel("learning rate, increased after every step (log scale)")
        axes.set_ylabel("training loss (smoothed)")
        low, high = min(losses), max(losses[: max(2, len(losses) // 4)])
        axes.set_ylim(low - 0.05 * (high - low), high + 0.3 * (high - low))
        at = losses[rates.index(suggested)]
        axes.plot([suggested], [at], "o", color="black", markersize=6)
        below = (-8, -12)  # points: below a falling curve there is space
        text = f"suggested: {suggested:.2g}"
        axes.annotate(text, (suggested, at), below, textcoords="offset points", ha="right")

    Image.fromarray(Panel("rates", title, draw, size=(6.4, 4.0)).pixels()).save(path)
