"""Which class is told where in the plane: regions, with the points that were to be told apart."""

from collections.abc import Callable
from typing import Any

import numpy as np

from mlplab.report.look import ORDER

MARKS = ("o", "s", "^", "D", "v", "P", "X", "*")
FINE = 160  # places along each side
ROOM = 0.1  # about the points, of their width


def draw_boundary(
    axes: Any, decide: Callable[[np.ndarray], np.ndarray], points: np.ndarray, label: np.ndarray, most: int = 300
) -> None:
    """decide: (N, 2) places -> (N,) classes. points: (N, 2), with their true classes (N,); at most `most` are drawn."""
    low, high = points.min(axis=0), points.max(axis=0)
    low, high = low - ROOM * (high - low), high + ROOM * (high - low)
    x, y = np.linspace(low[0], high[0], FINE), np.linspace(low[1], high[1], FINE)
    places = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    told = decide(places).reshape(FINE, FINE)
    for number in np.unique(label):
        colour = ORDER[number % len(ORDER)]
        inside = (told == number).astype(float)
        if inside.any():
            axes.contourf(x, y, inside, [0.5, 1.5], colors=[colour], alpha=0.22)
        if inside.any() and not inside.all():
            axes.contour(x, y, inside, [0.5], colors="black", linewidths=0.8)
        of_class = points[:most][label[:most] == number]
        mark = MARKS[number % len(MARKS)]
        axes.scatter(*of_class.T, s=9, color=colour, marker=mark, edgecolors="white", linewidths=0.3, zorder=3)
    axes.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), xticks=[], yticks=[])
    axes.spines[["top", "right"]].set_visible(True)
