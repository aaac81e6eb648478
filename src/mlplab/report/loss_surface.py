"""Draws loss surfaces: contours or a 3-D surface of a function of two parameters, paths of an optimizer, slices."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.patheffects import withStroke

from mlplab.report.style import COLOUR_CYCLE, cycle_colour, cycle_line

Function = Callable[[np.ndarray, np.ndarray], np.ndarray]
Limits = tuple[tuple[float, float], tuple[float, float]]

SHADES = "Greys"
SLICE_LEVELS = 16


def draw_contours(axes: Axes, function: Function, limits: Limits, levels: int = 18, log: bool = True) -> None:
    """limits: of x and of y. log: levels are evenly spaced in the logarithm."""
    x, y, z = _grid(function, limits, 200)
    values: Any = np.geomspace(max(z.min(), z.max() * 1e-4), z.max(), levels) if log else levels
    norm = LogNorm(values[0], values[-1] * 8) if log else None
    axes.contourf(x, y, z, values, cmap=SHADES, alpha=0.35, extend="both", norm=norm)
    axes.contour(x, y, z, values, colors="0.45", linewidths=0.6)


def draw_surface(axes: Any, function: Function, limits: Limits, log: bool = False) -> None:
    """axes: 3-D. log: the height is the logarithm to base ten. Paths that are drawn later are in front."""
    x, y, z = _grid(function, limits, 50)
    axes.computed_zorder = False
    axes.plot_surface(x, y, np.log10(z) if log else z, cmap=SHADES, alpha=0.8, linewidth=0.2, edgecolor="0.6")


def _grid(function: Function, limits: Limits, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    x, y = np.meshgrid(*(np.linspace(*limit, count) for limit in limits))
    return x, y, function(x, y)


def draw_paths(axes: Any, paths: Mapping[str, np.ndarray], marks: bool = True, **style: Any) -> None:
    """Draws each path in its own colour and line style. paths: (N, 2) points by name, or (N, 3) on 3-D axes."""
    for number, (name, path) in enumerate(paths.items()):
        point: dict[str, Any] = {"marker": "o", "markersize": 2.5} if marks else {}
        line = {"color": cycle_colour(number), "linestyle": cycle_line(number), "linewidth": 1.6}
        axes.plot(*path.T, label=name, **{**line, **point, **style})


def name_paths(axes: Any, places: Mapping[str, tuple[float, float]]) -> None:
    """Writes names at their places, in the colours of the paths."""
    for number, (name, place) in enumerate(places.items()):
        text = axes.text(*place, name, color=cycle_colour(number), fontsize=9, fontweight="bold")
        text.set_path_effects([withStroke(linewidth=3, foreground="white")])  # readable on any shade


def draw_slice(
    axes: Axes, x: np.ndarray, y: np.ndarray, loss: np.ndarray, path: np.ndarray, epochs: np.ndarray
) -> None:
    """Draws a slice of a loss surface around the weights, and the path of training if it is known.

    loss: (Y, X), inf where it is not finite. path: (P, 2), ending at the origin, or empty. epochs: (P,).
    """
    known = loss[np.isfinite(loss)]
    low = max(float(known.min()), float(known.max()) * 1e-5, 1e-12)
    high = max(float(known.max()), low * 1.01)
    levels = np.geomspace(low, high, SLICE_LEVELS)
    height = np.clip(np.where(np.isfinite(loss), loss, high), low, high)
    axes.contourf(x, y, height, levels, cmap=SHADES, alpha=0.55, norm=LogNorm(low, high * 6))
    lines = axes.contour(x, y, height, levels[1:], colors="black", linewidths=0.6, alpha=0.45)
    axes.clabel(lines, levels[1::3], fontsize=7, fmt="%.2g", colors="black")
    axes.set(xlabel="step along the first direction", ylabel="step along the second direction")
    if len(path):
        axes.plot(*path.T, color=COLOUR_CYCLE[0], linewidth=1.6, marker="o", markersize=2.5)
        axes.annotate(f"epoch {epochs[0]}", path[0], (5, 6), textcoords="offset points", fontsize=9)
    axes.plot(0, 0, "o", color=COLOUR_CYCLE[2], markersize=5)
    name = f"epoch {epochs[-1]}" if len(path) else "last weights"
    axes.annotate(name, (0, 0), (6, -12), textcoords="offset points", fontsize=9)
