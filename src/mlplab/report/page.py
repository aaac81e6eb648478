"""A picture of several panels: its title says one thing, its caption how it was made."""

import textwrap
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

FILE_DPI = 150


@contextmanager
def page(
    path: str | Path,
    title: str,
    panels: str = "A",
    size: tuple[float, float] = (4.6, 3.6),
    caption: str = "",
    solid: str = "",
    **grid: Any,
) -> Iterator[Mapping[str, Any]]:
    """Axes by letter; written to `path`, a PNG, at the end.

    panels: letters by row, as "AB;CD", a letter for each panel; one that stands twice is as wide, "." is empty.
    size: of one place, in inches. solid: letters of panels in three dimensions. grid: as width_ratios, height_ratios.
    """
    rows = panels.split(";")
    width, height = size[0] * len(rows[0]), size[1] * len(rows) + 0.5
    figure = Figure(figsize=(width, height), dpi=FILE_DPI, layout="constrained")
    figure.suptitle(textwrap.fill(title, round(width * 9.5)), x=0.01, ha="left", fontsize=13, fontweight="bold")
    if caption:
        figure.supxlabel(textwrap.fill(caption, round(width * 13)), x=0.01, ha="left", fontsize=9)
    spatial: dict[Any, dict[str, Any]] = {letter: {"projection": "3d"} for letter in solid}
    axes: dict[str, Axes] = figure.subplot_mosaic("\n".join(rows), per_subplot_kw=spatial, **grid)
    for letter, one in axes.items():
        if letter not in solid:
            one.spines[["top", "right"]].set_visible(False)
        one.title.set_fontsize(11)
    yield axes
    figure.savefig(path)
