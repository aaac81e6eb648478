"""Curves of many settings: means, bands, names of the best."""

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from mlplab.report.curves import NAMED, draw_family

EPOCHS = [0.0, 1.0, 2.0]


def test_a_line_is_the_mean_and_its_band_one_standard_deviation() -> None:
    axes = Figure().subplots()
    seeds = [[1.0, 0.6, 0.5], [1.2, 0.8, 0.5], [1.1, 0.7, 0.8]]
    draw_family(axes, {"sgd": (EPOCHS, seeds)}, "validation loss")
    (line,) = axes.get_lines()
    assert list(line.get_ydata()) == pytest.approx([1.1, 0.7, 0.6])
    band = axes.collections[0].get_paths()[0].vertices
    assert band[:, 1].max() == pytest.approx(1.1 + 0.1)
    last = band[band[:, 0] == 2.0][:, 1]
    assert last.max() == pytest.approx(0.6 + np.std([0.5, 0.5, 0.8], ddof=1))
    assert last.min() == pytest.approx(0.5), "a band does not reach below what was seen"
    assert axes.get_ylabel() == "validation loss"
    assert [text.get_text() for text in axes.texts] == ["sgd"]


def test_the_best_are_named_and_the_others_grey() -> None:
    axes = Figure().subplots()
    draw_family(axes, {f"s{n}": (EPOCHS, [[1.0, 0.9, 0.8 + n / 100]]) for n in range(NAMED + 3)}, "loss")
    assert {text.get_text() for text in axes.texts} == {f"s{n}" for n in range(NAMED)}
    colours = [to_hex(line.get_color()) for line in axes.get_lines()]
    assert colours.count("#999999") == 3
    assert len({*colours}) == NAMED + 1


def test_a_loss_that_falls_far_stands_on_a_log_scale_and_a_diverging_one_leaves_the_picture() -> None:
    axes = Figure().subplots()
    good, bad = [[2.0, 0.5, 0.05]], [[2.0, 1e5, 1e9]]
    draw_family(axes, {**{f"s{n}": (EPOCHS, good) for n in range(NAMED)}, "bad": (EPOCHS, bad)}, "loss")
    assert axes.get_yscale() == "log"
    assert axes.get_ylabel() == "loss (log scale)"
    assert axes.get_ylim()[1] < 10


def test_a_share_stands_on_a_plain_scale_with_its_best_at_the_top() -> None:
    axes = Figure().subplots()
    draw_family(axes, {"a": (EPOCHS, [[0.1, 0.8, 0.9]])}, "validation accuracy", lower_is_better=False)
    assert axes.get_yscale() == "linear"
    low, high = axes.get_ylim()
    assert low < 0.1
    assert high > 0.9
