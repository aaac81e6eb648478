"""The front of what nothing beats in score and cost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

from mlplab.report.sweep_plots import draw_front, pareto_front


def test_the_front_by_hand() -> None:
    assert pareto_front([1, 2, 3, 4], [0.5, 0.6, 0.2, 0.1]) == [0, 2, 3]
    assert pareto_front([1, 2, 3, 4], [0.5, 0.6, 0.2, 0.7], lower_is_better=False) == [0, 1, 3]
    assert pareto_front([2, 2, 1], [0.1, 0.1, 0.9]) == [2, 0], "of two equal ones the first"


numbers = st.integers(0, 5)


@given(st.lists(st.tuples(numbers, numbers), min_size=1, max_size=12))
def test_nothing_beats_what_is_on_it_and_all_else_is_beaten(points: list[tuple[int, int]]) -> None:
    found = {points[place] for place in pareto_front(*map(list, zip(*points, strict=True)))}
    for point in points:
        beaten = any(o != point and o[0] <= point[0] and o[1] <= point[1] for o in points)
        assert (point in found) != beaten


@pytest.mark.parametrize(("lower", "named"), [(True, ["1", "2"]), (False, ["1", "3"])])
def test_it_is_drawn_with_names_on_it_and_dots_beside(lower: bool, named: list[str]) -> None:
    axes = Figure().subplots()
    draw_front(axes, ["1", "2", "3"], [10, 100, 1000], [0.5, 0.2, 0.6], ("parameters", "validation loss"), lower)
    assert [text.get_text() for text in axes.texts] == named
    assert axes.get_xlabel() == "parameters (log scale)"
    assert axes.get_ylabel() == "validation loss"
    assert list(axes.get_lines()[0].get_xdata()) == [10, 100, 1000]
