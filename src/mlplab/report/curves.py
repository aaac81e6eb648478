"""curves.png: training against validation loss, fit for a textbook."""

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Annotation
from matplotlib.ticker import MaxNLocator
from PIL import Image

from mlplab.report.figure import Panel
from mlplab.report.style import (
    COLOUR_CYCLE,
    COLOURS,
    INK,
    LINE_STYLES,
    LOSS_NAMES,
    SPLIT_NAMES,
    draw_lines,
    log_scale_label,
    plain_log_ticks,
    spans_decades,
)

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
        axes.plot(epochs, [row[f"loss/{split}"] for row in rows], LINE_STYLES[split], color=COLOURS[split], linewidth=2)
    axes.set_xlabel("epoch (passes over the training data)")
    axes.set_ylabel(f"loss ({', '.join(filter(None, (LOSS_NAMES.get(name, name), unit)))})")
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
            SPLIT_NAMES[split],
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


NAMED = 5  # settings in colour, the best; the others are grey
Seeds = tuple[Sequence[float], Sequence[Sequence[float]]]  # epochs, and a curve a seed


def draw_family(axes: Axes, settings: Mapping[str, Seeds], label: str, lower_is_better: bool = True) -> None:
    """settings: best first. label: of the vertical axis."""
    curves, bands = {}, {}
    for name, (epochs, seeds) in settings.items():
        values = np.array(seeds, dtype=float)
        spread = values.std(axis=0, ddof=1) if len(values) > 1 else np.zeros(values.shape[1])
        mean = values.mean(axis=0)
        curves[name] = ([*epochs], mean.tolist())
        bands[name] = (np.maximum(mean - spread, values.min(axis=0)).tolist(), (mean + spread).tolist())
    named, others = [*curves][:NAMED], [*curves][NAMED:]
    shown = np.concatenate([curves[name][1] for name in named])
    everything = np.concatenate([curves[name][1] for name in curves])
    top = min(float(everything.max()), 3 * float(shown.max()))  # one that diverges shall not flatten the others
    if lower_is_better and spans_decades(shown, 10):
        axes.set_yscale("log")
        axes.set_ylim(0.8 * max(float(shown.min()), 1e-9), 1.15 * top)
        plain_log_ticks(axes.yaxis)
        label = log_scale_label(label)
    elif lower_is_better:
        axes.set_ylim(0, 1.05 * top)
    else:
        low = max(float(everything.min()), float(shown.max()) - 2.0)
        axes.set_ylim(low - 0.03 * (float(shown.max()) - low), float(shown.max()) * 1.02)
    axes.set(xlabel="epoch (passes over the training data)", ylabel=label)
    axes.set_xlim(0, max(epochs[-1] for epochs, _ in curves.values()) or 1)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    for name in others:
        axes.plot(*curves[name], color="#999999", linewidth=0.8, alpha=0.7)
    draw_lines(axes, {name: curves[name] for name in named}, {name: bands[name] for name in named}, linewidth=1.8)


def draw_rates(rates: Sequence[float], losses: Sequence[float], suggested: float, title: str, path: Path) -> None:
    """losses: smoothed, one a rate."""

    def draw(axes: Axes) -> None:
        axes.plot(rates, losses, color=COLOUR_CYCLE[0], linewidth=2)
        axes.set_xscale("log")
        axes.set_xlabel("learning rate, which grows from step to step")
        axes.set_ylabel("training loss, smoothed")
        low, high = min(losses), max(losses[: max(2, len(losses) // 4)])
        axes.set_ylim(low - 0.05 * (high - low), high + 0.3 * (high - low))
        at = losses[rates.index(suggested)]
        axes.plot([suggested], [at], "o", color="black", markersize=6)
        below = (-8, -12)  # points: where the curve falls, there is room
        axes.annotate(f"begin with {suggested:.2g}", (suggested, at), below, textcoords="offset points", ha="right")

    Image.fromarray(Panel("rates", title, draw, size=(6.4, 4.0)).pixels()).save(path)
