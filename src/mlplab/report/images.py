"""Images in a grid, each with its words; an image as the numbers that it is."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from mlplab.report.style import COLOUR_CYCLE

GAP = 0.12  # between images, as a share of one
LINE = 0.22  # height of a line of words


def draw_images(
    axes: Axes, images: np.ndarray, columns: int, words: Sequence[str] = (), signed: bool = False, size: float = 8
) -> None:
    """images: (N, H, W). words: below each. signed: zero is grey, the same in each image."""
    lines = max((text.count("\n") + 1 for text in words), default=0)
    height = 1 + GAP + LINE * lines
    for place, image in enumerate(images):
        row, column = divmod(place, columns)
        left, top = column * (1 + GAP), row * height
        most = float(np.abs(image).max()) or 1.0
        shades = (-most, most) if signed else (0.0, most)
        axes.imshow(image, cmap="gray", extent=(left, left + 1, top + 1, top), vmin=shades[0], vmax=shades[1])
        if words:
            axes.text(left + 0.5, top + 1.04, words[place], ha="center", va="top", fontsize=size, linespacing=1.1)
    rows = -(-len(images) // columns)
    axes.set(xlim=(0, columns * (1 + GAP) - GAP), ylim=(rows * height, 0))
    axes.set_aspect("equal")
    axes.set_axis_off()


def draw_numbers(axes: Axes, image: np.ndarray) -> None:
    """image: (H, W) of 0..1, a number in each cell."""
    axes.imshow(image, cmap="gray", vmin=0, vmax=1)
    for (row, column), value in np.ndenumerate(image):
        colour = "white" if value < 0.5 else "black"
        axes.text(column, row, f"{value:.1f}", ha="center", va="center", fontsize=7, color=colour)
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)


NEAR = 0.27  # of the way along an arrow where its word stands: before arrows cross
Place = tuple[float, float]
Labels = Sequence[Sequence[str]]


def draw_network(
    axes: Any, units: Labels, arrows: Sequence[Labels], beside: Labels, heads: Sequence[str], backward: bool = False
) -> None:
    """units: words in the circles, by layer. beside: words above them, or below. heads: of the layers.

    arrows: by pair of layers a table of words, a row for each unit that they leave; those of 0 are drawn pale.
    """
    places = [[(2.0 * at, (len(words) - 1) / 2 - row) for row in range(len(words))] for at, words in enumerate(units)]
    for layer, table in enumerate(arrows):
        for start, row in zip(places[layer], table, strict=True):
            for end, word in zip(places[layer + 1], row, strict=True):
                _arrow(axes, start, end, word, backward)
    for centres, words, notes, head in zip(places, units, beside, heads, strict=True):
        axes.text(centres[0][0], 1.75, head, ha="center", fontsize=10, fontweight="bold")
        for (x, y), word, note in zip(centres, words, notes, strict=True):
            axes.plot(x, y, "o", markersize=32, color="black", markerfacecolor="white", markeredgewidth=1.4, zorder=4)
            axes.text(x, y, word, ha="center", va="center", fontsize=9.5, zorder=5)
            axes.text(x, y + (-0.4 if y < 0 else 0.4), note, ha="center", va="center", fontsize=8, color="0.3")
    axes.set(xlim=(-0.5, 2.0 * (len(units) - 1) + 0.5), ylim=(-1.6, 2.0))
    axes.set_axis_off()


def _arrow(axes: Any, start: Place, end: Place, word: str, backward: bool) -> None:
    idle = not word.strip("-0.")
    colour = "0.75" if idle else COLOUR_CYCLE[2] if backward else COLOUR_CYCLE[0]
    tail, head = (end, start) if backward else (start, end)
    style = {"arrowstyle": "-|>", "color": colour, "linewidth": 1.5, "shrinkA": 17, "shrinkB": 17}
    axes.annotate("", head, tail, arrowprops=style, zorder=2)
    x, y = (first + NEAR * (last - first) for first, last in zip(start, end, strict=True))
    box = {"boxstyle": "round,pad=0.12", "facecolor": "white", "edgecolor": "none"}
    axes.text(x, y, word, ha="center", va="center", fontsize=8.5, color="0.55" if idle else colour, bbox=box, zorder=3)
