"""Settings of many keys as lines across one axis a key; the last axis is the score, its best at the top."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from mlplab.report.ticks import spans

PAGE = "#fefefe"  # behind words, that of the page


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
    logarithmic = lower_is_better and spans(values, 10)
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
        for word in words:
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
