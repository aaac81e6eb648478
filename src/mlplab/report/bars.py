"""Numbers with their names, the largest on top: how much each input matters, say."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from mlplab.report.look import COLOURS

MOST = 15


def draw_bars(axes: Axes, names: Sequence[str], values: np.ndarray, spread: np.ndarray, label: str) -> None:
    """values: (N,). spread: (N,) their sd, as a whisker. No more than MOST are drawn."""
    order = np.argsort(-values, kind="stable")[:MOST][::-1]
    places = np.arange(len(order))
    axes.barh(places, values[order], color=COLOURS["train"], height=0.65)
    axes.errorbar(values[order], places, xerr=spread[order], fmt="none", ecolor="black", elinewidth=1, capsize=2)
    axes.set_yticks(places, [_short(names[at]) for at in order], fontsize=9)
    axes.axvline(0, color="0.6", linewidth=1)
    axes.set_xlabel(label)
    axes.tick_params(axis="y", length=0)


def _short(name: str) -> str:
    return name if len(name) <= 28 else f"{name[:27]}…"
