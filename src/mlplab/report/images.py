"""Draws images: a grid with captions, one image as numbers, a small network as circles and arrows."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from mlplab.report.style import COLOUR_CYCLE

Place = tuple[float, float]
Labels = Sequence[Sequence[str]]

GAP = 0.12  # between images, as a fraction of their width
LINE = 0.22  # height of a line of text, as a fraction of the width of an image
LABEL_AT = 0.27  # fraction of an arrow before its label: near the start, before arrows cross


def draw_images(
    axes: Axes, images: np.ndarray, columns: int, captions: Sequence[str] = (), signed: bool = False, size: float = 8
) -> None:
    """Draws a grid of grey images.

    images: (N, H, W). captions: below each. signed: zero is middle grey in every image. size: font size in points.
    """
    lines = max((text.count("\n") + 1 for text in captions), default=0)
    height = 1 + GAP + LINE * lines
    for place, image in enumerate(images):
        row, column = divmod(place, columns)
        left, top = column * (1 + GAP), row * height
        highest = float(np.abs(image).max()) or 1.0
        lowest = -highest if signed else 0.0
        axes.imshow(image, cmap="gray", extent=(left, left + 1, top + 1, top), vmin=lowest, vmax=highest)
        if captions:
            axes.text(left + 0.5, top + 1.04, captions[place], ha="center", va="top", fontsize=size, linespacing=1.1)
    rows = -(-len(images) // columns)
    axes.set(xlim=(0, columns * (1 + GAP) - GAP), ylim=(rows * height, 0))
    axes.set_aspect("equal")
    axes.set_axis_off()


def draw_numbers(axes: Axes, image: np.ndarray) -> None:
    """Draws an image with the value of each pixel in it. image: (H, W), values from 0 to 1."""
    axes.imshow(image, cmap="gray", vmin=0, vmax=1)
    for (row, column), value in np.ndenumerate(image):
        colour = "white" if value < 0.5 else "black"
        axes.text(column, row, f"{value:.1f}", ha="center", va="center", fontsize=7, color=colour)
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)


def draw_network(
    axes: Any, units: Labels, arrows: Sequence[Labels], beside: Labels, heads: Sequence[str], backward: bool = False
) -> None:
    """Draws units as circles and weights, or gradients, as arrows.

    units: labels in the circles, by layer. arrows: by pair of layers a table of labels, one row per unit of the first;
    an arrow whose label is 0 is pale. beside: labels above or below the circles. heads: titles of the layers.
    backward: the arrows point from the last layer to the first.
    """
    places = [[(2.0 * at, (len(layer) - 1) / 2 - row) for row in range(len(layer))] for at, layer in enumerate(units)]
    for layer, table in enumerate(arrows):
        for start, row in zip(places[layer], table, strict=True):
            for end, label in zip(places[layer + 1], row, strict=True):
                _arrow(axes, start, end, label, backward)
    for centres, labels, notes, head in zip(places, units, beside, heads, strict=True):
        axes.text(centres[0][0], 1.75, head, ha="center", fontsize=10, fontweight="bold")
        for (x, y), label, note in zip(centres, labels, notes, strict=True):
            axes.plot(x, y, "o", markersize=32, color="black", markerfacecolor="white", markeredgewidth=1.4, zorder=4)
            axes.text(x, y, label, ha="center", va="center", fontsize=9.5, zorder=5)
            axes.text(x, y + (-0.4 if y < 0 else 0.4), note, ha="center", va="center", fontsize=8, color="0.3")
    axes.set(xlim=(-0.5, 2.0 * (len(units) - 1) + 0.5), ylim=(-1.6, 2.0))
    axes.set_axis_off()


def _arrow(axes: Any, start: Place, end: Place, label: str, backward: bool) -> None:
    zero = not label.strip("-0.")
    colour = "0.75" if zero else COLOUR_CYCLE[2] if backward else COLOUR_CYCLE[0]
    tail, head = (end, start) if backward else (start, end)
    style = {"arrowstyle": "-|>", "color": colour, "linewidth": 1.5, "shrinkA": 17, "shrinkB": 17}
    axes.annotate("", head, tail, arrowprops=style, zorder=2)
    x, y = (first + LABEL_AT * (last - first) for first, last in zip(start, end, strict=True))
    box = {"boxstyle": "round,pad=0.12", "facecolor": "white", "edgecolor": "none"}
    ink = "0.55" if zero else colour
    axes.text(x, y, label, ha="center", va="center", fontsize=8.5, color=ink, bbox=box, zorder=3)
