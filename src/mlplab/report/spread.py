"""One row a thing: a dot for each of its values, and their mean."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np


def draw_spread(axes: Any, values: Mapping[str, Sequence[float] | np.ndarray]) -> None:
    """The smallest mean stands on top; the names stand on the right."""
    names = sorted(values, key=lambda name: float(np.mean(values[name])))
    for row, name in enumerate(names):
        axes.plot(values[name], [row] * len(values[name]), "o", color="0.65", markersize=4, linewidth=0)
        axes.plot([np.mean(values[name])], [row], "|", color="black", markersize=14, markeredgewidth=2)
    axes.yaxis.tick_right()
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="y", color="0.92")
    axes.set_axisbelow(True)
