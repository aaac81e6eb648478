"""Names stand at the ends of their lines, apart from each other."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure
from matplotlib.text import Annotation

from mlplab.report.style import APART, _apart, draw_lines, draw_loss, draw_range, draw_splits, mark_best


def labels(axes: object) -> dict[str, Annotation]:
    return {one.get_text(): one for one in axes.texts}  # type: ignore[attr-defined]


def test_lines_that_end_together_have_names_apart() -> None:
    axes = Figure(figsize=(4, 3)).subplots()
    draw_lines(axes, {name: ([0, 1], [0, 1 + place / 1000]) for place, name in enumerate("abcd")})
    axes.figure.draw_without_rendering()
    boxes = sorted((one.get_window_extent() for one in labels(axes).values()), key=lambda box: box.y0)
    assert all(low.y1 <= high.y0 + 1 for low, high in pairwise(boxes))


@pytest.mark.parametrize(("middle", "expected"), [(np.median, [2, 7]), (np.mean, [3, 7])])
def test_the_middle_of_several_runs_is_drawn_within_their_range(middle: Any, expected: list[float]) -> None:
    axes = Figure().subplots()
    axes.set(xlim=(0, 1), ylim=(0, 10))
    draw_range(axes, [0, 1], {"one": np.array([[1.0, 5.0], [2.0, 9.0], [6.0, 7.0]])}, middle)
    (line,) = axes.lines
    assert np.asarray(line.get_ydata()).tolist() == expected
    (band,) = axes.collections
    corners = np.asarray(band.get_paths()[0].vertices).tolist()
    assert {tuple(point) for point in corners} == {(0, 1), (0, 6), (1, 5), (1, 9)}


@given(st.lists(st.floats(0, 200), min_size=1, max_size=8))
def test_names_keep_their_order_and_their_distance_within_the_frame(heights: list[float]) -> None:
    placed = _apart(sorted(heights), 0, 200)
    assert all(high - low >= APART - 1e-9 for low, high in pairwise(placed))
    assert placed[-1] <= 200 + 1e-9
    if all(high - low >= APART for low, high in pairwise(sorted(heights))):
        assert placed == pytest.approx(sorted(heights)), "nothing moves that need not"


def test_training_against_validation_is_drawn_as_everywhere() -> None:
    axes = Figure().subplots()
    draw_loss(axes, [{"epoch": k, "loss/train": 1 / (k + 1), "loss/val": 1.0} for k in range(4)])
    train, val = axes.get_lines()
    assert (train.get_linestyle(), val.get_linestyle()) == ("-", "--")
    assert set(labels(axes)) == {"training", "validation"}
    assert list(train.get_ydata()) == [1, 1 / 2, 1 / 3, 1 / 4]


def test_a_band_surrounds_its_line() -> None:
    axes = Figure().subplots()
    draw_lines(axes, {"mean": ([0, 1], [1, 2])}, band={"mean": ([0, 1], [2, 3])})
    assert len(axes.collections) == 1


def test_seeds_become_a_mean_and_a_band() -> None:
    axes = Figure().subplots()
    draw_splits(axes, [1, 10], {"train": [[0, 2], [4, 2]], "val": [[1, 3], [3, 5]]})
    train, val = axes.get_lines()
    assert list(train.get_ydata()) == [2, 2]
    assert list(val.get_ydata()) == [2, 4]
    assert (train.get_linestyle(), val.get_linestyle()) == ("-", "--")
    assert axes.collections[1].get_datalim(axes.transData).extents == pytest.approx([1, 1, 10, 5])
    assert set(labels(axes)) == {"training", "validation"}


def test_the_best_epoch_is_marked_where_it_is() -> None:
    axes = Figure().subplots()
    mark_best(axes, 5, 0.6, "best epoch: 5")
    assert (list(axes.get_lines()[0].get_xdata()), list(axes.get_lines()[0].get_ydata())) == ([5], [0.6])
    assert set(labels(axes)) == {"best epoch: 5"}


def test_a_thing_keeps_its_colour_over_panels() -> None:
    both, one = Figure().subplots(1, 2)
    draw_lines(both, {"a": ([0, 1], [1, 2]), "b": ([0, 1], [2, 3])}, order=["a", "b"])
    draw_lines(one, {"b": ([0, 1], [1, 2])}, order=["a", "b"])
    assert one.get_lines()[0].get_color() == both.get_lines()[1].get_color() != both.get_lines()[0].get_color()
