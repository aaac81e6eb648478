"""A small network as circles and arrows, with words in the circles and on the arrows."""

from collections.abc import Sequence
from typing import Any

from mlplab.report.look import ORDER

NEAR = 0.27  # of the way along an arrow where its word stands: before arrows cross
Place = tuple[float, float]
Words = Sequence[Sequence[str]]


def draw_network(
    axes: Any, units: Words, arrows: Sequence[Words], beside: Words, heads: Sequence[str], backward: bool = False
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
    colour = "0.75" if idle else ORDER[2] if backward else ORDER[0]
    tail, head = (end, start) if backward else (start, end)
    style = {"arrowstyle": "-|>", "color": colour, "linewidth": 1.5, "shrinkA": 17, "shrinkB": 17}
    axes.annotate("", head, tail, arrowprops=style, zorder=2)
    x, y = (first + NEAR * (last - first) for first, last in zip(start, end, strict=True))
    box = {"boxstyle": "round,pad=0.12", "facecolor": "white", "edgecolor": "none"}
    axes.text(x, y, word, ha="center", va="center", fontsize=8.5, color="0.55" if idle else colour, bbox=box, zorder=3)
