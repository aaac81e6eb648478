"""Style: colours, labels, tables, log scales."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.table import Cell, Table
from matplotlib.text import Annotation

from mlplab.report import style
from mlplab.report.style import (
    LABEL_GAP,
    _spread,
    break_at_bracket,
    draw_lines,
    draw_loss,
    draw_range,
    draw_splits,
    draw_table,
    log_scale_label,
    mark_best,
    plain_log_ticks,
    spans_decades,
)


def grey(colour: str) -> float:
    red, green, blue = to_rgb(colour)
    return 0.299 * red + 0.587 * green + 0.114 * blue


def test_training_and_validation_differ_in_grey() -> None:
    assert abs(grey(style.COLOURS["train"]) - grey(style.COLOURS["val"])) > 0.25
    assert len({*style.LINE_STYLES.values()}) == len(style.COLOURS) == len(style.SPLIT_NAMES)


def test_neighbouring_colours_differ_in_grey_and_every_line_style_is_unique() -> None:
    assert len(style.COLOUR_CYCLE) == len(style.LINES) == len({*style.COLOUR_CYCLE}) == len({*map(str, style.LINES)})
    assert all(abs(grey(one) - grey(other)) > 0.1 for one, other in pairwise(style.COLOUR_CYCLE[:6]))


def test_labels_have_more_contrast_than_their_lines() -> None:
    assert all(grey(style.INK[split]) <= grey(style.COLOURS[split]) for split in style.INK)
    assert all(grey(label) <= grey(line) for label, line in zip(style.LABEL_CYCLE, style.COLOUR_CYCLE, strict=True))
    assert all(grey(label) < 0.53 for label in style.LABEL_CYCLE)


def labels(axes: object) -> dict[str, Annotation]:
    return {one.get_text(): one for one in axes.texts}  # type: ignore[attr-defined]


def test_labels_of_lines_that_end_together_do_not_overlap() -> None:
    axes = Figure(figsize=(4, 3)).subplots()
    draw_lines(axes, {name: ([0, 1], [0, 1 + place / 1000]) for place, name in enumerate("abcd")})
    axes.figure.draw_without_rendering()
    boxes = sorted((one.get_window_extent() for one in labels(axes).values()), key=lambda box: box.y0)
    assert all(low.y1 <= high.y0 + 1 for low, high in pairwise(boxes))


@pytest.mark.parametrize(("middle", "expected"), [(np.median, [2, 7]), (np.mean, [3, 7])])
def test_the_mean_or_median_of_runs_is_drawn_in_a_band_of_their_range(middle: Any, expected: list[float]) -> None:
    axes = Figure().subplots()
    axes.set(xlim=(0, 1), ylim=(0, 10))
    draw_range(axes, [0, 1], {"one": np.array([[1.0, 5.0], [2.0, 9.0], [6.0, 7.0]])}, middle)
    (line,) = axes.lines
    assert np.asarray(line.get_ydata()).tolist() == expected
    (band,) = axes.collections
    corners = np.asarray(band.get_paths()[0].vertices).tolist()
    assert {tuple(point) for point in corners} == {(0, 1), (0, 6), (1, 5), (1, 9)}


@given(st.lists(st.floats(0, 200), min_size=1, max_size=8))
def test_labels_keep_their_order_and_distance_within_the_frame(heights: list[float]) -> None:
    placed = _spread(sorted(heights), 200)
    assert all(high - low >= LABEL_GAP - 1e-9 for low, high in pairwise(placed))
    assert placed[-1] <= 200 + 1e-9
    if all(high - low >= LABEL_GAP for low, high in pairwise(sorted(heights))):
        assert placed == pytest.approx(sorted(heights)), "nothing moves that need not"


def test_training_is_a_solid_and_validation_a_dashed_line() -> None:
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


def test_a_name_keeps_its_colour_over_panels() -> None:
    both, one = Figure().subplots(1, 2)
    draw_lines(both, {"a": ([0, 1], [1, 2]), "b": ([0, 1], [2, 3])}, order=["a", "b"])
    draw_lines(one, {"b": ([0, 1], [1, 2])}, order=["a", "b"])
    assert one.get_lines()[0].get_color() == both.get_lines()[1].get_color() != both.get_lines()[0].get_color()


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ((0.08, 2.4), ["0.1", "0.2", "0.5", "1", "2"]),
        ((0.001, 1000), ["0.001", "0.1", "10", "1000"]),
        ((1, 3), ["1", "2"]),
    ],
)
def test_a_log_scale_has_few_plain_ticks(limits: tuple[float, float], expected: list[str]) -> None:
    axes = Figure().subplots()
    axes.set_yscale("log")
    axes.set_ylim(*limits)
    plain_log_ticks(axes.yaxis)
    axes.figure.draw_without_rendering()
    assert [label.get_text() for label in axes.get_yticklabels()] == expected
    assert len(axes.yaxis.get_minorticklocs()) == 0


def test_the_label_of_a_log_scale_names_it() -> None:
    assert log_scale_label("validation loss (cross entropy)") == "validation loss (cross entropy, log scale)"
    assert log_scale_label("parameters") == "parameters (log scale)"
    assert break_at_bracket("validation loss (cross entropy)") == "validation loss\n(cross entropy)"


def test_a_log_scale_is_for_positive_values_of_a_wide_range() -> None:
    assert spans_decades([0.1, 2], 10)
    assert not spans_decades([0.1, 0.9], 10)
    assert not spans_decades([0, 100], 10)
    assert not spans_decades([-1, 100], 10)


HEADER, ROWS = ("size", "a long header\nof two lines", "loss"), [("1", "50,000", "0.18"), ("10", "5,000", "0.3")]


def draw_cells(names: int = 0, fill: float = 1.0) -> tuple[Figure, dict[tuple[int, int], Cell]]:
    figure = Figure(figsize=(5, 4), layout="constrained")
    axes = figure.subplots()
    draw_table(axes, HEADER, ROWS, names, fill)
    figure.draw_without_rendering()
    assert not axes.axison
    (table,) = (one for one in axes.get_children() if isinstance(one, Table))
    return figure, table.get_celld()


def test_cells_hold_their_texts_without_overlap() -> None:
    _, cells = draw_cells()
    texts = {place: cell.get_text().get_text() for place, cell in cells.items()}
    assert texts == {(row, column): text for row, own in enumerate([HEADER, *ROWS]) for column, text in enumerate(own)}
    for row in range(3):
        boxes = [cells[row, column].get_text().get_window_extent() for column in range(3)]
        assert all(left.x1 < right.x0 for left, right in pairwise(boxes))
        assert all(box.height <= cells[row, 0].get_window_extent().height for box in boxes)


@pytest.mark.parametrize("fill", [1.0, 0.5])
def test_rows_have_equal_line_heights_and_fill_their_fraction_of_the_axes(fill: float) -> None:
    figure, cells = draw_cells(fill=fill)
    heights = [cells[row, 0].get_window_extent().height for row in range(3)]
    assert heights[0] == pytest.approx(2 * heights[1])
    assert sum(heights) == pytest.approx(fill * figure.axes[0].get_window_extent().height)


def test_numbers_are_aligned_right_and_names_left() -> None:
    _, cells = draw_cells(names=1)
    at = [cells[row, 0].get_text().get_window_extent() for row in (1, 2)]
    assert at[0].x0 == pytest.approx(at[1].x0, abs=1)
    at = [cells[row, 2].get_text().get_window_extent() for row in (1, 2)]
    assert at[0].x1 == pytest.approx(at[1].x1, abs=1)
