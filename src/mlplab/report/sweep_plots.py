"""Figures of a sweep: effect of a key, bars, score against cost, heat map, parallel coordinates."""

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, Normalize
from matplotlib.patches import Rectangle
from matplotlib.ticker import FixedLocator, NullLocator
from matplotlib.transforms import ScaledTranslation

from mlplab.report.style import (
    COLOUR_CYCLE,
    COLOURS,
    DARK,
    GREY,
    INK,
    break_at_bracket,
    label_ends,
    log_scale_label,
    plain_log_ticks,
    spans_decades,
    text_box,
)

MAX_AXIS_CHARACTERS = 60  # that fit side by side below a small figure
MAX_BARS = 15
MAX_NAME = 28  # characters of a bar's label
MAX_AXIS_VALUES = 14  # labels on a parallel axis; a search may have one value per run
LIGHT = "#ffffff"  # of text on a dark cell
FRAME = "#CC3311"


def draw_effect(
    axes: Axes,
    key: str,
    values: Mapping[str, Sequence[float]],
    places: Sequence[float] | None,
    label: str,
    lower_is_better: bool = True,
) -> None:
    """Draws a score by the values of a key: a dot per configuration, the mean and the best.

    values: by value of the key, one score per configuration. places: the values as numbers; None for strings, which
    are placed side by side. label: of the score.
    """
    numeric = places is not None
    x = [*map(float, places if places is not None else range(len(values)))]
    axes.set_xlabel(key)
    searched = _scale_values(axes, x, [*values], numeric)
    everything = np.concatenate([np.asarray(scores) for scores in values.values()])
    if lower_is_better and spans_decades(everything, 10):
        axes.set_yscale("log")
        label = log_scale_label(label)
    axes.set_ylabel(break_at_bracket(label))
    beside = axes.transData + ScaledTranslation(-6 / 72, 0, axes.figure.dpi_scale_trans)
    for at, scores in zip(x, values.values(), strict=True):
        axes.plot([at] * len(scores), scores, "o", color=GREY, markersize=4, linewidth=0, transform=beside)
    _limit_scores(axes, everything)
    best = min if lower_is_better else max
    lines = {"mean": [float(np.mean(scores)) for scores in values.values()]}
    several = any(len(scores) > 1 for scores in values.values())
    if several:
        lines = {"best": [float(best(scores)) for scores in values.values()], **lines}
    ends = {}
    for name, y in lines.items():
        style, split = ("D--", "val") if name == "best" else ("o-", "train")  # in the colour of that split
        axes.plot(x, y, style if numeric and not searched else style[0], color=COLOURS[split], markersize=5)
        ends[name] = (x[-1], y[-1], INK[split])
    if several:
        label_ends(axes, ends)


def _scale_values(axes: Axes, x: Sequence[float], labels: Sequence[str], numeric: bool) -> bool:
    """Sets scale, limits and tick labels of the values of a key.

    Returns whether the values are those of a search: too close for a label each, and for a line that would follow the
    noise from one to the next.
    """
    logarithmic = numeric and len(x) > 1 and spans_decades(x, 8)
    scaled = np.log(x) if logarithmic else np.array(x)
    searched = numeric and len(x) > 2 and bool(np.diff(np.sort(scaled)).min() < 0.03 * np.ptp(scaled))
    if logarithmic:
        axes.set_xscale("log")
    fit = sum(len(label) + 2 for label in labels) <= MAX_AXIS_CHARACTERS
    if not searched and (fit or not numeric):
        axes.xaxis.set_major_locator(FixedLocator(x))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.set_xticks(x, labels, rotation=0 if fit else 30, ha="center" if fit else "right")
    if logarithmic:
        axes.set_xlim(x[0] / (x[-1] / x[0]) ** 0.08, x[-1] * (x[-1] / x[0]) ** 0.08)
    elif numeric and len(x) > 1:
        axes.set_xlim(x[0] - 0.08 * (x[-1] - x[0]), x[-1] + 0.08 * (x[-1] - x[0]))
    else:
        side = 0.1 + 0.125 * (len(x) - 1 or 1)
        axes.set_xlim(-side, len(x) - 1 + side)
    if logarithmic and (searched or not fit):
        plain_log_ticks(axes.xaxis)
    return searched


def _limit_scores(axes: Axes, scores: np.ndarray) -> None:
    low, high = float(scores.min()), float(scores.max())
    if axes.get_yscale() == "log":
        axes.set_ylim(0.8 * low, 1.25 * high)
        plain_log_ticks(axes.yaxis)
    else:
        margin = 0.06 * ((high - low) or 1)
        axes.set_ylim(low - margin, high + margin)


def draw_bars(axes: Axes, names: Sequence[str], values: np.ndarray, spread: np.ndarray, label: str) -> None:
    """Draws the MAX_BARS largest values, the largest at the top.

    values: (N,). spread: standard deviations, (N,), drawn as error bars. label: of the values.
    """
    order = np.argsort(-values, kind="stable")[:MAX_BARS][::-1]
    places = np.arange(len(order))
    axes.barh(places, values[order], color=COLOURS["train"], height=0.65)
    axes.errorbar(values[order], places, xerr=spread[order], fmt="none", ecolor="black", elinewidth=1, capsize=2)
    shortened = [name if len(name) <= MAX_NAME else f"{name[: MAX_NAME - 1]}…" for name in names]
    axes.set_yticks(places, [shortened[at] for at in order], fontsize=9)
    axes.axvline(0, color="0.6", linewidth=1)
    axes.set_xlabel(label)
    axes.tick_params(axis="y", length=0)


def pareto_front(costs: Sequence[float], scores: Sequence[float], lower_is_better: bool = True) -> list[int]:
    """Returns places of the scores on the Pareto front, by cost: each better than all that cost no more."""
    sign = 1 if lower_is_better else -1
    front: list[int] = []
    for place in sorted(range(len(costs)), key=lambda place: (costs[place], sign * scores[place])):
        if not front or sign * scores[place] < sign * scores[front[-1]]:
            front.append(place)
    return front


def draw_front(
    axes: Axes,
    names: Sequence[str],
    costs: Sequence[float],
    scores: Sequence[float],
    labels: tuple[str, str],
    lower_is_better: bool = True,
) -> None:
    """Draws scores against costs with their Pareto front.

    names: short labels, drawn beside what is on the front. labels: of cost and score.
    """
    front = pareto_front(costs, scores, lower_is_better)
    _scale_costs(axes, costs, scores, labels, lower_is_better)
    x, y = [costs[place] for place in front], [scores[place] for place in front]
    right, worst = axes.get_xlim()[1], axes.get_ylim()[1 if lower_is_better else 0]
    axes.step([x[0], *x, right], [worst, *y, y[-1]], where="post", color=COLOUR_CYCLE[0], linewidth=1.2)
    axes.plot(x, y, "o", color=COLOUR_CYCLE[0], markersize=7, linewidth=0)
    axes.set_xlim(right=right)
    axes.set_ylim(*((None, worst) if lower_is_better else (worst, None)))
    offset = (4, 5) if lower_is_better else (4, -12)
    for place in front:
        at = (costs[place], scores[place])
        axes.annotate(names[place], at, offset, textcoords="offset points", fontsize=9, bbox=text_box(0.6))


def _scale_costs(
    axes: Axes, costs: Sequence[float], scores: Sequence[float], labels: tuple[str, str], lower_is_better: bool
) -> None:
    """Draws a grey dot per configuration and sets the scales."""
    across, up = labels
    if spans_decades(costs, 5):
        axes.set_xscale("log")
        across = log_scale_label(across)
    if lower_is_better and spans_decades(scores, 10):
        axes.set_yscale("log")
        up = log_scale_label(up)
    axes.set(xlabel=across, ylabel=break_at_bracket(up))
    axes.plot(costs, scores, "o", color=GREY, markersize=5, linewidth=0)
    axes.margins(0.12)
    for axis, scale in ((axes.xaxis, axes.get_xscale()), (axes.yaxis, axes.get_yscale())):
        if scale == "log":
            plain_log_ticks(axis)


def draw_heat(
    axes: Axes,
    names: tuple[str, str],
    levels: tuple[Sequence[str], Sequence[str]],
    values: np.ndarray,
    labels: Sequence[Sequence[str]],
    best: tuple[int, int],
    lower_is_better: bool = True,
) -> None:
    """Draws a heat map, darker where the score is better.

    names: of rows and columns. values: (R, C), NaN where there is none. labels: of the cells. best: row and column of
    the cell that gets a frame.
    """
    known = values[np.isfinite(values)]
    scale = LogNorm if lower_is_better and spans_decades(known, 10) else Normalize
    norm = scale(float(known.min()), float(known.max()))
    colours = mpl.colormaps["cividis" if lower_is_better else "cividis_r"]
    for row, column in product(range(len(levels[0])), range(len(levels[1]))):
        value = values[row, column]
        missing = not np.isfinite(value)
        colour = "none" if missing else colours(norm(value))
        cell = Rectangle((column - 0.5, row - 0.5), 1, 1, facecolor=colour, edgecolor=GREY, linewidth=0.6)
        cell.set_hatch("///" if missing else "")
        axes.add_patch(cell)
        ink = "#000000" if missing else LIGHT if np.dot(colour[:3], (0.3, 0.59, 0.11)) < 0.5 else DARK
        axes.text(column, row, labels[row][column], ha="center", va="center", fontsize=9, color=ink)
    corner = (best[1] - 0.46, best[0] - 0.46)
    axes.add_patch(Rectangle(corner, 0.92, 0.92, fill=False, edgecolor=FRAME, linewidth=3))
    axes.set_xlim(-0.52, len(levels[1]) - 0.48)
    axes.set_ylim(len(levels[0]) - 0.48, -0.52)
    axes.set_xticks(range(len(levels[1])), levels[1])
    axes.set_yticks(range(len(levels[0])), levels[0])
    axes.set(xlabel=names[1], ylabel=names[0])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


def draw_parallel(
    axes: Axes,
    levels: Mapping[str, Sequence[str]],
    configurations: Sequence[tuple[Mapping[str, str], float]],
    tied: int,
    score: str,
    lower_is_better: bool = True,
) -> None:
    """Draws one line per configuration, from its values to its score, better scores higher.

    levels: the values of each key, from bottom to top. configurations: values by key and score, best first. tied: how
    many of them, after the first, are not significantly worse than it. score: its name.
    """
    values = np.array([value for _, value in configurations])
    logarithmic = lower_is_better and spans_decades(values, 10)
    heights = np.log(values) if logarithmic else values
    low, high = float(heights.min()), float(heights.max())
    fraction = (heights - low) / ((high - low) or 1)
    height = 1 - fraction if lower_is_better else fraction
    for place in reversed(range(len(configurations))):
        own = configurations[place][0]
        y = [*(_level_height(levels[key], own.get(key)) for key in levels), float(height[place])]
        axes.plot(range(len(y)), y, solid_capstyle="round", **_line_style(place, tied))
    for at, (key, labels) in enumerate(levels.items()):
        _parallel_axis(axes, at, key)
        for label in labels[:: -(-len(labels) // MAX_AXIS_VALUES)]:
            _axis_label(axes, at, _level_height(labels, label), label)
    _parallel_axis(axes, len(levels), score)
    for place in sorted({0, len(values) // 2, len(values) - 1}):
        _axis_label(axes, len(levels), float(height[place]), f"{values[place]:.3g}")
    axes.set(xlim=(-0.3, len(levels) + 0.35), ylim=(-0.06, 1.08))
    axes.set_axis_off()


def _parallel_axis(axes: Axes, at: int, name: str) -> None:
    axes.axvline(at, color=GREY, linewidth=0.8, zorder=1)
    axes.text(at, 1.12, name, ha="center", va="bottom", fontsize=9, fontweight="bold")


def _axis_label(axes: Axes, x: float, y: float, text: str) -> None:
    axes.text(x, y, text, ha="center", va="center", fontsize=9, bbox=text_box(1.2), zorder=5)


def _level_height(levels: Sequence[str], level: str | None) -> float:
    """Returns a height from 0 to 1; 0.5 for a key that a configuration does not have."""
    if level is None or level not in levels:
        return 0.5
    return [*levels].index(level) / (len(levels) - 1) if len(levels) > 1 else 0.5


def _line_style(place: int, tied: int) -> dict[str, Any]:
    if place == 0:
        return {"color": COLOUR_CYCLE[0], "linewidth": 3.2, "zorder": 4}
    if place <= tied:
        return {"color": COLOUR_CYCLE[1], "linewidth": 1.6, "zorder": 3, "linestyle": "--"}
    return {"color": GREY, "linewidth": 0.8, "zorder": 2, "alpha": 0.6}
