"""What a network says of each point of the plane: a class, a probability or a value."""

from collections.abc import Callable
from typing import Any

import numpy as np

Limits = tuple[tuple[float, float], tuple[float, float]]


def draw_field(
    axes: Any,
    predict: Callable[[np.ndarray], np.ndarray],
    limits: Limits,
    levels: list[float],
    contour: list[float] | None = None,
    cmap: str = "Greys",
    count: int = 150,
) -> None:
    """predict: (N, 2) points to (N,) classes, probabilities or values. levels: where one shade gives way to the next.

    contour: levels that are drawn as lines, and named on them.
    """
    x, y = np.meshgrid(*(np.linspace(*limit, count) for limit in limits))
    z = predict(np.stack([x.ravel(), y.ravel()], axis=1)).reshape(x.shape)
    axes.contourf(x, y, z, levels, cmap=cmap, alpha=0.6, extend="both")
    if contour:
        lines = axes.contour(x, y, z, contour, colors="black", linewidths=1)
        for name in axes.clabel(lines, fmt="%g", fontsize=8, zorder=4):
            name.set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 0.6})
    axes.set(xlim=limits[0], ylim=limits[1], aspect="equal")
