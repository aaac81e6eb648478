"""One picture of a run: as SVG for a page of HTML, as pixels for TensorBoard."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from mlplab.report.html import figure
from mlplab.report.svg import svg

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
        return figure(svg(drawing, self.title), self.title, self.caption, self.size[0] * REM, told)

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
