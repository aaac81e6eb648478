"""Images in a grid, each with its words; an image as the numbers that it is."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

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
