"""The curves of a run on a page: a picture, and the values that a script says of it."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mlplab.report.lines import draw_loss
from mlplab.report.look import WORDS
from mlplab.report.panel import Panel

Row = dict[str, float]
MOST = 500  # epochs whose values are on the page


def course(rows: Sequence[Row], best_epoch: int, score: str = "loss", of: str = "") -> str:
    """rows: the history. of: the name of the loss, and its unit."""

    def draw(axes: Axes) -> None:
        values = np.array([row[f"{score}/{split}"] for row in rows for split in ("train", "val")])
        axes.set_ylim(*_limits(values, score))
        axes.set_ylabel(of or score)
        axes.axvline(best_epoch, color="0.6", linewidth=1, linestyle=":")
        draw_loss(axes, rows, score)
        at = float(np.clip(rows[best_epoch][f"{score}/val"], *axes.get_ylim()))
        axes.plot(best_epoch, at, "o", color="black", markersize=4, clip_on=False, zorder=5)

    def points(_: Figure, axes: Axes) -> dict[str, Any]:
        return {"names": [WORDS[split] for split in ("train", "val")], "points": _points(axes, rows, score)}

    value = f"{rows[best_epoch][f'{score}/val']:.4g}"
    caption = f"The dotted line marks the best epoch, {best_epoch}: validation {value}."
    title = f"{score.capitalize() if score != 'r2' else 'R²'} by epoch"
    return Panel(f"curve_{score}", title, draw, caption).html(points)


def _points(axes: Axes, rows: Sequence[Row], score: str) -> list[list[float | str]]:
    """x in the units of the SVG, epoch, then the values as they are to be read."""
    size: Any = axes.figure
    size.draw_without_rendering()
    places = np.unique(np.linspace(0, len(rows) - 1, min(MOST, len(rows))).round().astype(int))
    chosen = [rows[place] for place in places]
    x = axes.transData.transform([(row["epoch"], 0.0) for row in chosen])[:, 0] * 72 / size.dpi
    told = [[f"{row[f'{score}/{split}']:.4g}" for split in ("train", "val")] for row in chosen]
    return [[round(float(at), 1), int(row["epoch"]), *two] for at, row, two in zip(x, chosen, told, strict=True)]


def _limits(values: np.ndarray, score: str) -> tuple[float, float]:
    """A loss stands on zero; a share, or R², has its best at the top."""
    if score == "loss":
        return 0.0, 1.05 * float(values.max()) or 1.0
    low = max(float(values.min()), -1.0)
    return low - 0.05 * (1 - low), 1.02
