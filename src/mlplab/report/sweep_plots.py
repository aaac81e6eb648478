"""What one key does to a score, whatever the others are: its mean, and the best that its values reach."""

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, Normalize
from matplotlib.patches import Rectangle
from matplotlib.ticker import FixedLocator, NullLocator
from matplotlib.transforms import ScaledTranslation

from mlplab.report.style import (
    COLOURS,
    INK,
    break_at_bracket,
    label_ends,
    log_scale_label,
    plain_log_ticks,
    spans_decades,
)

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
    if lower_is_better and spans_decades(everything, 10):
        axes.set_yscale("log")
        label = log_scale_label(label)
    axes.set_ylabel(break_at_bracket(label))
    beside = axes.transData + ScaledTranslation(-6 / 72, 0, axes.figure.dpi_scale_trans)
    for at, own in zip(x, values.values(), strict=True):
        axes.plot([at] * len(own), own, "o", color="#999999", markersize=4, linewidth=0, transform=beside)
    low, high = float(everything.min()), float(everything.max())
    if axes.get_yscale() == "log":
        axes.set_ylim(0.8 * low, 1.25 * high)
        plain_log_ticks(axes.yaxis)
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
    logarithmic = number and len(x) > 1 and spans_decades(x, 8)
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
        plain_log_ticks(axes.xaxis)
    return searched


def _crowded(x: np.ndarray) -> bool:
    return bool(np.diff(np.sort(x)).min() < 0.03 * np.ptp(x))


MOST = 15


def draw_bars(axes: Axes, names: Sequence[str], values: np.ndarray, spread: np.ndarray, label: str) -> None:
    """values: (N,). spread: (N,) their sd, as a whisker. No more than MOST are drawn."""
    order = np.argsort(-values, kind="stable")[:MOST][::-1]
    places = np.arange(len(order))
    axes.barh(places, values[order], color=COLOURS["train"], height=0.65)
    axes.errorbar(values[order], places, xerr=spread[order], fmt="none", ecolor="black", elinewidth=1, capsize=2)
    axes.set_yticks(places, [_short(names[at]) for at in order], fontsize=9)
    axes.axvline(0, color="0.6", linewidth=1)
    axes.set_xlabel(label)
    axes.tick_params(axis="y", length=0)


def _short(name: str) -> str:
    return name if len(name) <= 28 else f"{name[:27]}…"


BEHIND = {"facecolor": "#fefefe", "edgecolor": "none", "pad": 0.6, "alpha": 0.85}  # of a word; that of the page


def pareto_front(costs: Sequence[float], scores: Sequence[float], lower_is_better: bool = True) -> list[int]:
    """Places, by cost: each better than all that cost no more."""
    sign = 1 if lower_is_better else -1
    found: list[int] = []
    for place in sorted(range(len(costs)), key=lambda place: (costs[place], sign * scores[place])):
        if not found or sign * scores[place] < sign * scores[found[-1]]:
            found.append(place)
    return found


def draw_front(
    axes: Axes,
    names: Sequence[str],
    costs: Sequence[float],
    scores: Sequence[float],
    labels: tuple[str, str],
    lower_is_better: bool = True,
) -> None:
    """names: short ones, written beside what is on the front. labels: of the axes."""
    best = pareto_front(costs, scores, lower_is_better)
    across, up = labels
    if spans_decades(costs, 5):
        axes.set_xscale("log")
        across = log_scale_label(across)
    if lower_is_better and spans_decades(scores, 10):
        axes.set_yscale("log")
        up = log_scale_label(up)
    axes.set(xlabel=across, ylabel=break_at_bracket(up))
    axes.plot(costs, scores, "o", color="#999999", markersize=5, linewidth=0)
    axes.margins(0.12)
    for axis, scale in ((axes.xaxis, axes.get_xscale()), (axes.yaxis, axes.get_yscale())):
        if scale == "log":
            plain_log_ticks(axis)
    x, y = [costs[place] for place in best], [scores[place] for place in best]
    right, worst = axes.get_xlim()[1], axes.get_ylim()[1 if lower_is_better else 0]
    axes.step([x[0], *x, right], [worst, *y, y[-1]], where="post", color="#0072B2", linewidth=1.2)
    axes.plot(x, y, "o", color="#0072B2", markersize=7, linewidth=0)
    axes.set_xlim(right=right)
    axes.set_ylim(*((None, worst) if lower_is_better else (worst, None)))
    for place in best:
        side = (4, 5) if lower_is_better else (4, -12)
        at = (costs[place], scores[place])
        axes.annotate(names[place], at, side, textcoords="offset points", fontsize=9, bbox=BEHIND)


DARK, LIGHT = "#111111", "#ffffff"  # of words in a cell, on a dark page too


def draw_heat(
    axes: Axes,
    names: tuple[str, str],
    levels: tuple[Sequence[str], Sequence[str]],
    values: np.ndarray,
    words: Sequence[Sequence[str]],
    best: tuple[int, int],
    lower_is_better: bool = True,
) -> None:
    """names: of rows and columns. values: (R, C), NaN where there is none. words: of each cell. best: its place."""
    known = values[np.isfinite(values)]
    scale = LogNorm if lower_is_better and spans_decades(known, 10) else Normalize
    norm = scale(float(known.min()), float(known.max()))
    colours = matplotlib.colormaps["cividis" if lower_is_better else "cividis_r"]
    for row, column in product(range(len(levels[0])), range(len(levels[1]))):
        value = values[row, column]
        missing = not np.isfinite(value)
        colour = "none" if missing else colours(norm(value))
        cell = Rectangle((column - 0.5, row - 0.5), 1, 1, facecolor=colour, edgecolor="#999999", linewidth=0.6)
        cell.set_hatch("///" if missing else "")
        axes.add_patch(cell)
        ink = "#000000" if missing else LIGHT if np.dot(colour[:3], (0.3, 0.59, 0.11)) < 0.5 else DARK
        axes.text(column, row, words[row][column], ha="center", va="center", fontsize=9, color=ink)
    corner = (best[1] - 0.46, best[0] - 0.46)
    axes.add_patch(Rectangle(corner, 0.92, 0.92, fill=False, edgecolor="#CC3311", linewidth=3))
    axes.set_xlim(-0.52, len(levels[1]) - 0.48)
    axes.set_ylim(len(levels[0]) - 0.48, -0.52)
    axes.set_xticks(range(len(levels[1])), levels[1])
    axes.set_yticks(range(len(levels[0])), levels[0])
    axes.set(xlabel=names[1], ylabel=names[0])
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)


PAGE = "#fefefe"  # behind words, that of the page
MOST_WORDS = 14  # on an axis, of which a search may have one a run


def draw_parallel(
    axes: Axes,
    levels: Mapping[str, Sequence[str]],
    settings: Sequence[tuple[Mapping[str, str], float]],
    tied: int,
    score: str,
    lower_is_better: bool = True,
) -> None:
    """levels: the values of each key, in order. settings: values and score, best first. tied: as many as may be the
    best but for chance, after the first."""
    values = np.array([value for _, value in settings])
    logarithmic = lower_is_better and spans_decades(values, 10)
    heights = np.log(values) if logarithmic else values
    low, high = float(heights.min()), float(heights.max())
    share = (heights - low) / ((high - low) or 1)
    height = 1 - share if lower_is_better else share
    for place in reversed(range(len(settings))):
        own = settings[place][0]
        y = [_height(levels[key], own.get(key)) for key in levels]
        style = _style(place, tied)
        axes.plot(range(len(levels) + 1), [*y, float(height[place])], solid_capstyle="round", **style)
    for at, (key, words) in enumerate(levels.items()):
        axes.axvline(at, color="#999999", linewidth=0.8, zorder=1)
        for word in words[:: -(-len(words) // MOST_WORDS)]:
            _word(axes, at, _height(words, word), word)
        axes.text(at, 1.12, key, ha="center", va="bottom", fontsize=9, fontweight="bold")
    axes.axvline(len(levels), color="#999999", linewidth=0.8, zorder=1)
    for place in sorted({0, len(settings) // 2, len(settings) - 1}):
        _word(axes, len(levels), float(height[place]), f"{values[place]:.3g}")
    axes.text(len(levels), 1.12, score, ha="center", va="bottom", fontsize=9, fontweight="bold")
    axes.set(xlim=(-0.3, len(levels) + 0.35), ylim=(-0.06, 1.08))
    axes.set_axis_off()


def _height(words: Sequence[str], word: str | None) -> float:
    if word is None or word not in words:
        return 0.5
    return [*words].index(word) / (len(words) - 1) if len(words) > 1 else 0.5


def _style(place: int, tied: int) -> dict[str, Any]:
    if place == 0:
        return {"color": "#0072B2", "linewidth": 3.2, "zorder": 4}
    if place <= tied:
        return {"color": "#E69F00", "linewidth": 1.6, "zorder": 3, "linestyle": "--"}
    return {"color": "#999999", "linewidth": 0.8, "zorder": 2, "alpha": 0.6}


def _word(axes: Axes, x: float, y: float, text: str) -> None:
    box = {"facecolor": PAGE, "edgecolor": "none", "pad": 1.2, "alpha": 0.85}
    axes.text(x, y, text, ha="center", va="center", fontsize=9, bbox=box, zorder=5)
