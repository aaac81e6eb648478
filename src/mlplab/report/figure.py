"""One figure in two forms: as SVG for a page of HTML, as pixels for TensorBoard and PNG files."""

import html
import io
import re
import textwrap
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from mlplab.report.html import Figure as HtmlFigure
from mlplab.report.style import hide_spines

PANEL_DPI = 110
FILE_DPI = 150
REM_PER_INCH = 7.1
# colours that follow the light or dark mode of the page; page.css has both values of each
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


@dataclass(frozen=True)
class Panel:
    """A figure that is drawn when it is needed.

    name: of its file and TensorBoard tag. draw: draws on the axes. size: in inches.
    """

    name: str
    title: str
    draw: Callable[[Axes], None]
    caption: str = ""
    size: tuple[float, float] = (4.8, 3.4)

    def plot(self, suptitle: str = "") -> tuple[Figure, Axes]:
        with mpl.rc_context({"text.parse_math": False}):  # a column may be called "US$ or NT$"
            figure = Figure(figsize=self.size, dpi=PANEL_DPI, layout="constrained")
            if suptitle:
                figure.suptitle(suptitle, x=0.01, ha="left", fontsize=11, fontweight="bold")
            axes = figure.subplots()
            hide_spines(axes)
            self.draw(axes)
        return figure, axes

    def html(self, points: Callable[[Figure, Axes], dict[str, Any]] | None = None) -> HtmlFigure:
        """points: computes from the drawn axes the values that the page's script shows."""
        figure, axes = self.plot()
        values = points(figure, axes) if points else None
        return HtmlFigure(to_svg(figure, self.title), self.title, self.caption, self.size[0] * REM_PER_INCH, values)

    def png(self) -> bytes:
        """Returns a PNG file, with the title."""
        file = io.BytesIO()
        figure, _ = self.plot(suptitle=self.title)
        figure.savefig(file, format="png", dpi=FILE_DPI)
        return file.getvalue()

    def pixels(self, title: str = "") -> np.ndarray:
        """Returns (H, W, 3) uint8. title: replaces the panel's own."""
        figure, axes = self.plot()
        axes.set_title(title or self.title, loc="left", fontsize=10)
        canvas: Any = FigureCanvasAgg(figure)
        canvas.draw()
        return np.asarray(canvas.buffer_rgba())[..., :3].copy()


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
    """Yields axes by letter and writes them to `path`, a PNG file, at the end.

    panels: one letter per panel, rows separated by semicolons, as "AB;CD"; a repeated letter spans several places,
    "." leaves one empty. size: of one place, in inches. solid: letters of 3-D panels. grid: arguments of
    subplot_mosaic, as width_ratios.
    """
    rows = panels.split(";")
    width, height = size[0] * len(rows[0]), size[1] * len(rows) + 0.5
    figure = Figure(figsize=(width, height), dpi=FILE_DPI, layout="constrained")
    figure.suptitle(textwrap.fill(title, round(width * 9.5)), x=0.01, ha="left", fontsize=13, fontweight="bold")
    if caption:
        figure.supxlabel(textwrap.fill(caption, round(width * 13)), x=0.01, ha="left", fontsize=9)
    spatial: dict[Any, dict[str, Any]] = {letter: {"projection": "3d"} for letter in solid}
    by_letter: dict[str, Axes] = figure.subplot_mosaic("\n".join(rows), per_subplot_kw=spatial, **grid)
    for letter, axes in by_letter.items():
        if letter not in solid:
            hide_spines(axes)
        axes.title.set_fontsize(11)
    yield by_letter
    figure.savefig(path)


def to_svg(figure: Figure, label: str) -> str:
    """Converts a figure to an SVG for a page, with the page's fonts and colours.

    label: read by a screen reader; unique on a page, as the ids of the SVG derive from it.
    """
    text = io.StringIO()
    # text stays text; the same figure gives the same SVG, and two figures of a page share no id
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": label}):
        figure.savefig(text, format="svg", transparent=True, metadata={"Date": None})
    whole = text.getvalue()
    svg = re.sub(r"<metadata>.*?</metadata>", "", whole[whole.index("<svg") :], flags=re.DOTALL)
    used = set(re.findall(r'#([\w.-]+)["\)]', svg))
    svg = re.sub(r' id="([^"]*)"', lambda found: found[0] if found[1] in used else "", svg)
    svg = re.sub(r'\s(width|height)="[\d.]+pt"', "", svg, count=2)
    svg = re.sub(r"(?<=px) '[^\";]*(?=[;\"])| font-family: [^;\"]*;?", "", svg)  # the font is that of the page
    for colour, name in NAMED_COLOURS.items():
        svg = re.sub(rf"(fill|stroke): {colour}", rf"\1: var(--{name})", svg)
    return svg.replace("<svg", f'<svg role="img" aria-label="{html.escape(label)}"', 1)
