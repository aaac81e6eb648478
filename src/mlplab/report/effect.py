"""What one key does to a score, whatever the others are: its mean, and the best that its values reach."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, NullLocator
from matplotlib.transforms import ScaledTranslation

from mlplab.report.lines import label_ends
from mlplab.report.look import COLOURS, INK
from mlplab.report.ticks import in_two, on_log_scale, plain_log, spans

TWO = {"mean": COLOURS["train"], "best": COLOURS["val"]}


def draw_effect(
    axes: Axes,
    key: str,
    values: Mapping[str, Sequence[float]],
    places: Sequence[float] | None,
    label: str,
    lower_is_better: bool = True,
) -> None:
    """values: of each level, a number a setting. places: of the levels where they are numbers, else side by side."""
    number = places is not None
    x = [*map(float, places if places is not None else range(len(values)))]
    axes.set_xlabel(key)
    logarithmic = number and len(x) > 1 and spans(x, 8)
    if logarithmic:
        axes.set_xscale("log")
    axes.xaxis.set_major_locator(FixedLocator(x))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticks(x, [*values])
    everything = np.concatenate([np.asarray(own) for own in values.values()])
    if lower_is_better and spans(everything, 10):
        axes.set_yscale("log")
        label = on_log_scale(label)
    axes.set_ylabel(in_two(label))
    beside = axes.transData + ScaledTranslation(-6 / 72, 0, axes.figure.dpi_scale_trans)
    for at, own in zip(x, values.values(), strict=True):
        axes.plot([at] * len(own), own, "o", color="#999999", markersize=4, linewidth=0, transform=beside)
    side = 0.25 * (len(x) - 1 or 1)
    if logarithmic:
        axes.set_xlim(x[0] / (x[-1] / x[0]) ** 0.08, x[-1] * (x[-1] / x[0]) ** 0.08)
    elif number and len(x) > 1:
        axes.set_xlim(x[0] - 0.08 * (x[-1] - x[0]), x[-1] + 0.08 * (x[-1] - x[0]))
    else:
        axes.set_xlim(-side * 0.5 - 0.1, len(x) - 1 + side * 0.5 + 0.1)
    low, high = float(everything.min()), float(everything.max())
    if axes.get_yscale() == "log":
        axes.set_ylim(0.8 * low, 1.25 * high)
        plain_log(axes.yaxis)
    else:
        room = 0.06 * ((high - low) or 1)
        axes.set_ylim(low - room, high + room)
    best = min if lower_is_better else max
    means = (x, [float(np.mean(own)) for own in values.values()])
    bests = (x, [float(best(own)) for own in values.values()])
    several = any(len(own) > 1 for own in values.values())
    drawn = {"best": (bests[1], "D--"), "mean": (means[1], "o-")}
    for name, (y, style) in drawn.items():
        if several or name == "mean":
            axes.plot(x, y, style if number else style[0], color=TWO[name], markersize=5)
    if several:
        label_ends(axes, {"mean": (x[-1], means[1][-1], INK["train"]), "best": (x[-1], bests[1][-1], INK["val"])})
