"""The largest stands on top."""

import numpy as np
from matplotlib.figure import Figure

from mlplab.report.sweep_plots import MOST, draw_bars


def test_the_largest_stands_on_top_and_the_rest_is_left_out() -> None:
    axes = Figure().subplots()
    count = MOST + 4
    values = np.random.default_rng(0).normal(size=count)
    draw_bars(axes, [f"x{number}" for number in range(count)], values, np.zeros(count), "rise")
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert names[::-1] == [f"x{number}" for number in np.argsort(-values)[:MOST]]
    assert [bar.get_width() for bar in axes.patches] == sorted(values)[-MOST:]  # type: ignore[attr-defined]


def test_a_long_name_is_cut() -> None:
    axes = Figure().subplots()
    draw_bars(axes, ["a" * 60], np.ones(1), np.zeros(1), "rise")
    assert axes.get_yticklabels()[0].get_text() == "a" * 27 + "…"
