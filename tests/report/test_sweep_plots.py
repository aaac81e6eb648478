"""Figures of a sweep: effects, bars, Pareto front, heat map, parallel coordinates."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from mlplab.report.sweep_plots import (
    MAX_BARS,
    draw_bars,
    draw_effect,
    draw_front,
    draw_heat,
    draw_parallel,
    pareto_front,
)

VALUES = {"0.001": [0.5, 0.7], "0.01": [0.1, 0.3], "0.1": [0.2, 0.9]}


def line_values(colour: str, axes: object) -> list[float]:
    (line,) = (line for line in axes.get_lines() if line.get_color() == colour)  # type: ignore[attr-defined]
    return [*map(float, line.get_ydata())]


def test_an_effect_has_mean_and_best_per_value_and_a_dot_per_configuration() -> None:
    axes = Figure().subplots()
    draw_effect(axes, "optimizer.lr", VALUES, [0.001, 0.01, 0.1], "validation loss")
    assert line_values("#0072B2", axes) == pytest.approx([0.6, 0.2, 0.55])
    assert line_values("#E69F00", axes) == [0.5, 0.1, 0.2]
    dots = [line for line in axes.get_lines() if line.get_color() == "#999999"]
    assert [list(line.get_ydata()) for line in dots] == [*VALUES.values()]
    assert axes.get_xscale() == "log"
    assert {text.get_text() for text in axes.texts} == {"mean", "best"}
    assert axes.get_ylim() == pytest.approx((0.1 - 0.06 * 0.8, 0.9 + 0.06 * 0.8))
    assert [label.get_text() for label in axes.get_xticklabels()] == [*VALUES]


def test_strings_are_not_joined_by_a_line_and_higher_may_be_better() -> None:
    axes = Figure().subplots()
    draw_effect(axes, "optimizer", {"adam": [0.9, 0.8], "sgd": [0.7, 0.5]}, None, "accuracy", lower_is_better=False)
    assert line_values("#E69F00", axes) == [0.9, 0.7]
    assert all(line.get_linestyle() == "None" for line in axes.get_lines() if line.get_color() == "#0072B2")
    assert axes.get_xscale() == axes.get_yscale() == "linear"


def test_one_configuration_per_value_has_a_mean_only() -> None:
    axes = Figure().subplots()
    draw_effect(axes, "model.dropout", {"0": [0.001], "0.5": [0.9]}, [0, 0.5], "loss")
    assert [text.get_text() for text in axes.texts] == []
    assert (axes.get_xscale(), axes.get_yscale(), axes.get_ylabel()) == ("linear", "log", "loss\n(log scale)")


def test_values_of_a_search_have_few_ticks_and_no_line() -> None:
    rates = [0.001, 0.01, 0.0101, 0.0983, 0.1]
    axes = Figure().subplots()
    draw_effect(axes, "optimizer.lr", {f"{rate}": [rate] for rate in rates}, rates, "loss")
    assert line_values("#0072B2", axes) == rates
    assert all(line.get_linestyle() == "None" for line in axes.get_lines())
    assert [label.get_text() for label in axes.get_xticklabels()] == ["0.001", "0.003", "0.01", "0.03", "0.1"]


def test_tick_labels_do_not_overlap() -> None:
    """Many numbers get a few round ticks; many strings are rotated."""
    axes = Figure().subplots()
    rates = [3e-4 * 1.3**place for place in range(16)]
    draw_effect(axes, "optimizer.lr", {f"{rate:.5f}": [rate] for rate in rates}, rates, "loss")
    axes.figure.draw_without_rendering()  # type: ignore[union-attr]
    assert [label.get_text() for label in axes.get_xticklabels()] == [
        "0.0005",
        "0.001",
        "0.002",
        "0.005",
        "0.01",
        "0.02",
    ]
    assert any(line.get_linestyle() == "-" for line in axes.get_lines() if line.get_color() == "#0072B2")
    axes = Figure().subplots()
    names = [f"activation_{place}" for place in range(9)]
    draw_effect(axes, "activation", {name: [0.5] for name in names}, None, "loss")
    assert [label.get_text() for label in axes.get_xticklabels()] == names
    assert {label.get_rotation() for label in axes.get_xticklabels()} == {30}


def test_the_largest_bar_is_at_the_top_and_the_smallest_are_left_out() -> None:
    axes = Figure().subplots()
    count = MAX_BARS + 4
    values = np.random.default_rng(0).normal(size=count)
    draw_bars(axes, [f"x{number}" for number in range(count)], values, np.zeros(count), "rise")
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert names[::-1] == [f"x{number}" for number in np.argsort(-values)[:MAX_BARS]]
    assert [bar.get_width() for bar in axes.patches] == sorted(values)[-MAX_BARS:]  # type: ignore[attr-defined]


def test_a_long_name_is_shortened() -> None:
    axes = Figure().subplots()
    draw_bars(axes, ["a" * 60], np.ones(1), np.zeros(1), "rise")
    assert axes.get_yticklabels()[0].get_text() == "a" * 27 + "…"


def test_the_pareto_front_by_hand() -> None:
    assert pareto_front([1, 2, 3, 4], [0.5, 0.6, 0.2, 0.1]) == [0, 2, 3]
    assert pareto_front([1, 2, 3, 4], [0.5, 0.6, 0.2, 0.7], lower_is_better=False) == [0, 1, 3]
    assert pareto_front([2, 2, 1], [0.1, 0.1, 0.9]) == [2, 0], "of two equal ones the first"


numbers = st.integers(0, 5)


@given(st.lists(st.tuples(numbers, numbers), min_size=1, max_size=12))
def test_no_point_dominates_the_front_and_all_others_are_dominated(points: list[tuple[int, int]]) -> None:
    found = {points[place] for place in pareto_front(*map(list, zip(*points, strict=True)))}
    for point in points:
        dominated = any(o != point and o[0] <= point[0] and o[1] <= point[1] for o in points)
        assert (point in found) != dominated


@pytest.mark.parametrize(("lower", "named"), [(True, ["1", "2"]), (False, ["1", "3"])])
def test_the_front_is_labelled_and_every_point_is_a_dot(lower: bool, named: list[str]) -> None:
    axes = Figure().subplots()
    draw_front(axes, ["1", "2", "3"], [10, 100, 1000], [0.5, 0.2, 0.6], ("parameters", "validation loss"), lower)
    assert [text.get_text() for text in axes.texts] == named
    assert axes.get_xlabel() == "parameters (log scale)"
    assert axes.get_ylabel() == "validation loss"
    assert list(axes.get_lines()[0].get_xdata()) == [10, 100, 1000]


GRID = np.array([[0.1, 0.5, np.nan], [0.2, 5.0, 0.4]])
LABELS = [["0.1", "0.5", "failed"], ["0.2", "5", "0.4"]]


def light(colour: object) -> float:
    return float(np.dot(to_rgb(colour), (0.3, 0.59, 0.11)))  # type: ignore[arg-type]


@pytest.mark.parametrize("lower_is_better", [True, False])
def test_better_cells_are_darker_and_labels_have_contrast(lower_is_better: bool) -> None:
    axes = Figure().subplots()
    draw_heat(axes, ("a", "b"), (["x", "y"], ["1", "2", "3"]), GRID, LABELS, (0, 0), lower_is_better)
    *cells, frame = (patch for patch in axes.patches if isinstance(patch, Rectangle))
    shades = [light(cell.get_facecolor()[:3]) for cell in cells]
    known = [shade for shade, cell in zip(shades, cells, strict=True) if cell.get_facecolor()[3] > 0]
    values = [value for value in GRID.ravel() if np.isfinite(value)]
    order = np.argsort(values) if lower_is_better else np.argsort(values)[::-1]
    assert list(np.argsort(known)) == list(order)
    assert [text.get_text() for text in axes.texts] == [label for row in LABELS for label in row]
    for cell, text in zip(cells, axes.texts, strict=True):
        if cell.get_facecolor()[3] > 0:
            assert abs(light(cell.get_facecolor()[:3]) - light(text.get_color())) > 0.4
    assert cells[2].get_hatch() == "///"
    assert frame.get_xy() == pytest.approx((-0.46, -0.46))
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("b", "a")
    assert [label.get_text() for label in axes.get_xticklabels()] == ["1", "2", "3"]


def test_a_constant_heat_map_is_drawn() -> None:
    axes = Figure().subplots()
    draw_heat(axes, ("a", "b"), (["x", "y"], ["1", "2"]), np.full((2, 2), 0.5), [["", ""], ["", ""]], (1, 1))
    axes.figure.draw_without_rendering()
    assert len(axes.patches) == 5


LEVELS = {"optimizer": ["adam", "sgd"], "optimizer.lr": ["0.01", "0.1", "1"], "dropout": ["0", "0.5"]}
CONFIGURATIONS = [
    ({"optimizer": "sgd", "optimizer.lr": "0.1", "dropout": "0"}, 0.1),
    ({"optimizer": "adam", "optimizer.lr": "0.01", "dropout": "0.5"}, 0.2),
    ({"optimizer": "adam", "optimizer.lr": "1"}, 0.5),
]


def heights(axes: object) -> list[list[float]]:
    lines = (line for line in axes.get_lines() if len(line.get_xdata()) == 4)  # type: ignore[attr-defined]
    return [[*map(float, line.get_ydata())] for line in lines]


def test_a_line_goes_from_the_values_to_the_score_with_the_best_at_the_top() -> None:
    axes = Figure().subplots()
    draw_parallel(axes, LEVELS, CONFIGURATIONS, 1, "loss/val")
    worst, second, best = heights(axes)
    assert best == [1, 0.5, 0, 1]
    assert second == pytest.approx([0, 0, 1, 0.75])
    assert worst == [0, 1, 0.5, 0], "a key without a value is in the middle"
    labels = [text.get_text() for text in axes.texts]
    assert {"adam", "sgd", "0.01", "optimizer", "loss/val", "0.1", "0.2", "0.5"} <= {*labels}


def test_the_best_is_thick_and_those_that_may_be_as_good_are_dashed() -> None:
    axes = Figure().subplots()
    draw_parallel(axes, LEVELS, CONFIGURATIONS, 1, "accuracy/val", lower_is_better=False)
    assert [line[-1] for line in heights(axes)] == [1, 0.25, 0]
    worst, second, best = (line for line in axes.get_lines() if len(line.get_xdata()) == 4)
    assert best.get_linewidth() > second.get_linewidth() > worst.get_linewidth()
    assert second.get_linestyle() == "--"


def test_a_diverged_loss_does_not_flatten_the_others() -> None:
    axes = Figure().subplots()
    draw_parallel(axes, LEVELS, [*CONFIGURATIONS, (CONFIGURATIONS[2][0], 1e6)], 0, "loss/val")
    assert sorted(line[-1] for line in heights(axes))[-2] < 0.99
