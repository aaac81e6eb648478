"""Axes whose numbers are read at a glance: plain ones on a log scale."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axis import Axis
from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter, NullLocator


def spans(values: Sequence[float] | np.ndarray, ratio: float) -> bool:
    """Whether positive values cover so much that a log scale tells them apart."""
    low, high = float(np.min(values)), float(np.max(values))
    return low > 0 and high / low > ratio


def on_log_scale(label: str) -> str:
    """The name of an axis: `validation loss (cross entropy, log scale)`."""
    return f"{label[:-1]}, log scale)" if label.endswith(")") else f"{label} (log scale)"


def in_two(label: str) -> str:
    """For a small picture: what stands in brackets on a line of its own."""
    return label.replace(" (", "\n(", 1)


def plain_log(axis: Axis) -> None:
    """Of a log scale whose limits stand: 0.05, 0.1, 0.2, not powers of ten; no more than six."""
    low, high = sorted(axis.get_view_interval())
    decades = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    for steps in ((1, 2, 5), (1, 3), (1,)):
        places = [step * 10.0**power for power in decades for step in steps if low <= step * 10.0**power <= high]
        if len(places) <= 6:
            break
    axis.set_major_locator(FixedLocator(places[:: 1 + (len(places) - 1) // 6]))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_locator(NullLocator())
    axis.set_minor_formatter(NullFormatter())
