"""The loss over a learning rate that grows from step to step, with the rate to begin with."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from PIL import Image

from mlplab.report.look import ORDER
from mlplab.report.panel import Panel


def draw_rates(rates: Sequence[float], losses: Sequence[float], suggested: float, title: str, path: Path) -> None:
    """losses: smoothed, one a rate."""

    def draw(axes: Axes) -> None:
        axes.plot(rates, losses, color=ORDER[0], linewidth=2)
        axes.set_xscale("log")
        axes.set_xlabel("learning rate, which grows from step to step")
        axes.set_ylabel("training loss, smoothed")
        low, high = min(losses), max(losses[: max(2, len(losses) // 4)])
        axes.set_ylim(low - 0.05 * (high - low), high + 0.3 * (high - low))
        at = losses[rates.index(suggested)]
        axes.plot([suggested], [at], "o", color="black", markersize=6)
        below = (-8, -12)  # points: where the curve falls, there is room
        axes.annotate(f"begin with {suggested:.2g}", (suggested, at), below, textcoords="offset points", ha="right")

    Image.fromarray(Panel("rates", title, draw, size=(6.4, 4.0)).pixels()).save(path)
