"""A plane through the loss surface of a run, as contours, with the path that training took."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm

from mlplab.report.look import ORDER

LEVELS = 16


def draw_slice(
    axes: Axes, x: np.ndarray, y: np.ndarray, loss: np.ndarray, path: np.ndarray, epochs: np.ndarray
) -> None:
    """loss: (Y, X), inf where there is none. path: (P, 2), its end at the origin; epochs: (P,)."""
    known = loss[np.isfinite(loss)]
    low = max(float(known.min()), float(known.max()) * 1e-5, 1e-12)
    high = max(float(known.max()), low * 1.01)
    levels = np.geomspace(low, high, LEVELS)
    held = np.clip(np.where(np.isfinite(loss), loss, high), low, high)
    axes.contourf(x, y, held, levels, cmap="Greys", alpha=0.55, norm=LogNorm(low, high * 6))
    lines = axes.contour(x, y, held, levels[1:], colors="black", linewidths=0.6, alpha=0.45)
    axes.clabel(lines, levels[1::3], fontsize=7, fmt="%.2g", colors="black")
    axes.set(xlabel="step along the first direction", ylabel="step along the second")
    if len(path):
        axes.plot(*path.T, color=ORDER[0], linewidth=1.6, marker="o", markersize=2.5)
        axes.annotate(f"epoch {epochs[0]}", path[0], (5, 6), textcoords="offset points", fontsize=9)
    axes.plot(0, 0, "o", color=ORDER[2], markersize=5)
    name = f"epoch {epochs[-1]}" if len(path) else "the weights"
    axes.annotate(name, (0, 0), (6, -12), textcoords="offset points", fontsize=9)
