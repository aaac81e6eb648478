"""A function of two numbers, as contours and as a surface, with paths that lead over it."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.patheffects import withStroke

from mlplab.report.style import COLOUR_CYCLE, LINES

Function = Callable[[np.ndarray, np.ndarray], np.ndarray]
Limits = tuple[tuple[float, float], tuple[float, float]]
SHADES = "Greys"


def draw_contours(axes: Axes, of: Function, limits: Limits, levels: int = 18, log: bool = True) -> None:
    """limits: of x and of y. log: levels that stand equally far apart by their logarithm."""
    x, y, z = _grid(of, limits, 200)
    spread: Any = np.geomspace(max(z.min(), z.max() * 1e-4), z.max(), levels) if log else levels
    norm = LogNorm(spread[0], spread[-1] * 8) if log else None
    axes.contourf(x, y, z, spread, cmap=SHADES, alpha=0.35, extend="both", norm=norm)
    axes.contour(x, y, z, spread, colors="0.45", linewidths=0.6)


def draw_surface(axes: Any, of: Function, limits: Limits, log: bool = False) -> None:
    """axes: in three dimensions. log: the height is the logarithm to base ten. Paths drawn later stand before it."""
    x, y, z = _grid(of, limits, 50)
    axes.computed_zorder = False
    axes.plot_surface(x, y, np.log10(z) if log else z, cmap="Greys", alpha=0.8, linewidth=0.2, edgecolor="0.6")


def draw_paths(axes: Any, paths: Mapping[str, np.ndarray], marks: bool = True, **style: Any) -> None:
    """paths: (N, 2) points each, or (N, 3) on a surface; a colour and a line style each."""
    for number, (name, path) in enumerate(paths.items()):
        colour, line = COLOUR_CYCLE[number % len(COLOUR_CYCLE)], LINES[number % len(LINES)]
        point: dict[str, Any] = {"marker": "o", "markersize": 2.5} if marks else {}
        axes.plot(*path.T, color=colour, linestyle=line, label=name, **{"linewidth": 1.6, **point, **style})


def name_paths(axes: Any, places: Mapping[str, tuple[float, float]]) -> None:
    """A name at a place, in the colour of its path, readable on any shade."""
    for number, (name, place) in enumerate(places.items()):
        text = axes.text(*place, name, color=COLOUR_CYCLE[number % len(COLOUR_CYCLE)], fontsize=9, fontweight="bold")
        text.set_path_effects([withStroke(linewidth=3, foreground="white")])


def _grid(of: Function, limits: Limits, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    x, y = np.meshgrid(*(np.linspace(*limit, count) for limit in limits))
    return x, y, of(x, y)


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
        axes.plot(*path.T, color=COLOUR_CYCLE[0], linewidth=1.6, marker="o", markersize=2.5)
        axes.annotate(f"epoch {epochs[0]}", path[0], (5, 6), textcoords="offset points", fontsize=9)
    axes.plot(0, 0, "o", color=COLOUR_CYCLE[2], markersize=5)
    name = f"epoch {epochs[-1]}" if len(path) else "the weights"
    axes.annotate(name, (0, 0), (6, -12), textcoords="offset points", fontsize=9)
