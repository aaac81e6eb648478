"""One picture of a run: as SVG for a page of HTML, as pixels for TensorBoard."""

import html
import io
import re
import textwrap
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from mlplab.report.html import figure

PANEL_DPI = 110
DPI_ALONE = 150
REM = 7.1  # of a page, for an inch


@dataclass(frozen=True)
class Panel:
    """name: a tag. title, caption: what stands above and below. size: in inches."""

    name: str
    title: str
    draw: Callable[[Axes], None]
    caption: str = ""
    size: tuple[float, float] = (4.8, 3.4)

    def drawn(self, suptitle: str = "") -> tuple[Figure, Axes]:
        with matplotlib.rc_context({"text.parse_math": False}):  # a column may be called "US$ or NT$"
            drawing = Figure(figsize=self.size, dpi=PANEL_DPI, layout="constrained")
            if suptitle:
                drawing.suptitle(suptitle, x=0.01, ha="left", fontsize=11, fontweight="bold")
            axes = drawing.subplots()
            axes.spines[["top", "right"]].set_visible(False)
            self.draw(axes)
        return drawing, axes

    def html(self, points: Callable[[Figure, Axes], dict[str, Any]] | None = None) -> str:
        """points: of the drawn axes, what a script may say of them."""
        drawing, axes = self.drawn()
        told = points(drawing, axes) if points else None
        return figure(to_svg(drawing, self.title), self.title, self.caption, self.size[0] * REM, told)

    def png(self) -> bytes:
        """With its title, to stand alone."""
        held = io.BytesIO()
        drawing, _ = self.drawn(suptitle=self.title)
        drawing.savefig(held, format="png", dpi=DPI_ALONE)
        return held.getvalue()

    def pixels(self, title: str = "") -> np.ndarray:
        """(H, W, 3) uint8. title: instead of its own."""
        drawing, axes = self.drawn()
        axes.set_title(title or self.title, loc="left", fontsize=10)
        canvas: Any = FigureCanvasAgg(drawing)
        canvas.draw()
        return np.asarray(canvas.buffer_rgba())[..., :3].copy()


FILE_DPI = 150


@contextmanager
def mosaic_page(
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


# what stands on the page itself, and would be lost on a dark one: report.css has both values of each
NAMED_COLOURS = {
    "#000000": "ink",
    "#0072b2": "blue",
    "#b37400": "val-ink",
    "#00785a": "test-ink",
    "#cc3311": "red",
    "#4d4d4d": "grey",
    "#56b4e9": "sky",
    "#2a7fae": "sky-ink",
    "#a84f82": "mauve-ink",
    "#fefefe": "page",
}


def to_svg(figure: Figure, label: str) -> str:
    """label: what a screen reader says of it; on one page no two figures have the same."""
    text = io.StringIO()
    # text stays text; the same figure is the same file, and two figures of a page share no name
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": label}):
        figure.savefig(text, format="svg", transparent=True, metadata={"Date": None})
    whole = text.getvalue()
    drawn = re.sub(r"<metadata>.*?</metadata>", "", whole[whole.index("<svg") :], flags=re.DOTALL)
    used = set(re.findall(r'#([\w.-]+)["\)]', drawn))
    drawn = re.sub(r' id="([^"]*)"', lambda found: found[0] if found[1] in used else "", drawn)
    drawn = re.sub(r'\s(width|height)="[\d.]+pt"', "", drawn, count=2)
    drawn = re.sub(r"(?<=px) '[^\";]*(?=[;\"])| font-family: [^;\"]*;?", "", drawn)  # letters are those of the page
    for colour, name in NAMED_COLOURS.items():
        drawn = re.sub(rf"(fill|stroke): {colour}", rf"\1: var(--{name})", drawn)
    return drawn.replace("<svg", f'<svg role="img" aria-label="{html.escape(label)}"', 1)
