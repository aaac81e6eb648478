"""What one key does to a score, whatever the others are: its mean, and the best that its values reach."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, NullLocator
from matplotlib.transforms import ScaledTranslation

from mlplab.report.lines import label_ends
from mlplab.report.look import COLOURS, INK
from mlplab.report.ticks import in_two, on_log_scale, plain_log, spans

CHARACTERS = 60  # that stand side by side below a small picture
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
    searched = _across(axes, x, [*values], number)
    everything = np.concatenate([np.asarray(own) for own in values.values()])
    if lower_is_better and spans(everything, 10):
        axes.set_yscale("log")
        label = on_log_scale(label)
    axes.set_ylabel(in_two(label))
    beside = axes.transData + ScaledTranslation(-6 / 72, 0, axes.figure.dpi_scale_trans)
    for at, own in zip(x, values.values(), strict=True):
        axes.plot([at] * len(own), own, "o", color="#999999", markersize=4, linewidth=0, transform=beside)
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
            axes.plot(x, y, style if number and not searched else style[0], color=TWO[name], markersize=5)
    if several:
        label_ends(axes, {"mean": (x[-1], means[1][-1], INK["train"]), "best": (x[-1], bests[1][-1], INK["val"])})


def _across(axes: Axes, x: Sequence[float], words: Sequence[str], number: bool) -> bool:
    """Scale, limits and words of the levels; whether there are no words, as numbers lie too near each other, and a line
    from one to the next would tell their noise: the values of a search."""
    logarithmic = number and len(x) > 1 and spans(x, 8)
    searched = number and len(x) > 2 and _crowded(np.log(x) if logarithmic else np.array(x))
    if logarithmic:
        axes.set_xscale("log")
    fit = sum(len(word) + 2 for word in words) <= CHARACTERS
    if not searched and (fit or not number):
        axes.xaxis.set_major_locator(FixedLocator(x))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.set_xticks(x, words, rotation=0 if fit else 30, ha="center" if fit else "right")
    side = 0.25 * (len(x) - 1 or 1)
    if logarithmic:
        axes.set_xlim(x[0] / (x[-1] / x[0]) ** 0.08, x[-1] * (x[-1] / x[0]) ** 0.08)
    elif number and len(x) > 1:
        axes.set_xlim(x[0] - 0.08 * (x[-1] - x[0]), x[-1] + 0.08 * (x[-1] - x[0]))
    else:
        axes.set_xlim(-side * 0.5 - 0.1, len(x) - 1 + side * 0.5 + 0.1)
    if logarithmic and (searched or not fit):
        plain_log(axes.xaxis)
    return searched


def _crowded(x: np.ndarray) -> bool:
    return bool(np.diff(np.sort(x)).min() < 0.03 * np.ptp(x))
