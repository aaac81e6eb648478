"""Two settings against each other: a cell for each pair of their values, with its number in it."""

from collections.abc import Sequence
from itertools import product

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, Normalize
from matplotlib.patches import Rectangle

from mlplab.report.ticks import spans

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
    scale = LogNorm if lower_is_better and spans(known, 10) else Normalize
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
