"""What is told for each value of one input: the fitted curve through its points, or the probability of each class."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from mlplab.report.lines import draw_lines
from mlplab.report.look import COLOURS, WORDS

MAX_CURVE_POINTS = 400  # points that are drawn, of each split
CURVE_GRID = 300  # places along the axis
SPLIT_MARKERS = {"train": "o", "val": "s", "test": "^"}


def line(features: np.ndarray) -> np.ndarray:
    """(FINE, 1) about the points. features: (N, 1)."""
    low, high = float(features.min()), float(features.max())
    room = 0.1 * ((high - low) or 1.0)
    return np.linspace(low - room, high + room, CURVE_GRID)[:, None]


def draw_fit(
    axes: Axes,
    x: np.ndarray,
    told: np.ndarray,
    points: Mapping[str, tuple[np.ndarray, np.ndarray]],
    names: Sequence[str],
) -> None:
    """x, told: (FINE,). points: by split, input and target. names: of the input and of the target."""
    for split, (own, target) in points.items():
        style: dict[str, Any] = {"marker": SPLIT_MARKERS[split], "color": COLOURS[split], "alpha": 0.7, "linewidths": 0}
        axes.scatter(own[:MAX_CURVE_POINTS], target[:MAX_CURVE_POINTS], s=14, label=WORDS[split], **style)
    axes.plot(x, told, color="black", linewidth=1.8, label="prediction")
    low, high = (float(end([end(target) for _, target in points.values()])) for end in (np.min, np.max))
    room = 0.2 * ((high - low) or 1.0)  # not by what is told: from epoch to epoch the frame stays
    axes.set(xlim=(x[0], x[-1]), ylim=(low - room, high + room), xlabel=names[0], ylabel=names[1])
    axes.figure.legend(loc="outside upper left", ncols=4, frameon=False, fontsize=9, handletextpad=0.3)


def draw_probabilities(axes: Axes, x: np.ndarray, told: np.ndarray, class_names: Sequence[str], name: str) -> None:
    """told: (FINE, C)."""
    axes.set(xlim=(x[0], x[-1]), ylim=(-0.02, 1.02), xlabel=name, ylabel="probability")
    draw_lines(axes, {word: (x.tolist(), told[:, at].tolist()) for at, word in enumerate(class_names)})
