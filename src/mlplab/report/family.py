"""Curves of many settings in one picture: a mean over seeds and a band of one standard deviation for each."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from mlplab.report.lines import draw_lines
from mlplab.report.ticks import on_log_scale, plain_log, spans

NAMED = 5  # settings in colour, the best; the others are grey

Seeds = tuple[Sequence[float], Sequence[Sequence[float]]]  # epochs, and a curve a seed


def draw_family(axes: Axes, settings: Mapping[str, Seeds], label: str, lower_is_better: bool = True) -> None:
    """settings: best first. label: of the vertical axis."""
    curves, bands = {}, {}
    for name, (epochs, seeds) in settings.items():
        values = np.array(seeds, dtype=float)
        spread = values.std(axis=0, ddof=1) if len(values) > 1 else np.zeros(values.shape[1])
        mean = values.mean(axis=0)
        curves[name] = ([*epochs], mean.tolist())
        bands[name] = (np.maximum(mean - spread, values.min(axis=0)).tolist(), (mean + spread).tolist())
    named, others = [*curves][:NAMED], [*curves][NAMED:]
    shown = np.concatenate([curves[name][1] for name in named])
    everything = np.concatenate([curves[name][1] for name in curves])
    top = min(float(everything.max()), 3 * float(shown.max()))  # one that diverges shall not flatten the others
    if lower_is_better and spans(shown, 10):
        axes.set_yscale("log")
        axes.set_ylim(0.8 * max(float(shown.min()), 1e-9), 1.15 * top)
        plain_log(axes.yaxis)
        label = on_log_scale(label)
    elif lower_is_better:
        axes.set_ylim(0, 1.05 * top)
    else:
        low = max(float(everything.min()), float(shown.max()) - 2.0)
        axes.set_ylim(low - 0.03 * (float(shown.max()) - low), float(shown.max()) * 1.02)
    axes.set(xlabel="epoch (passes over the training data)", ylabel=label)
    axes.set_xlim(0, max(epochs[-1] for epochs, _ in curves.values()) or 1)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    for name in others:
        axes.plot(*curves[name], color="#999999", linewidth=0.8, alpha=0.7)
    draw_lines(axes, {name: curves[name] for name in named}, {name: bands[name] for name in named}, linewidth=1.8)
