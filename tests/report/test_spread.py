"""Rows of dots stand in the order of their means."""

from matplotlib.figure import Figure

from mlplab.report.regression import draw_spread


def test_the_smallest_mean_stands_on_top_and_each_value_is_a_dot() -> None:
    axes = Figure().subplots()
    draw_spread(axes, {"large": [3.0, 5.0], "small": [1.0, 2.0, 3.0]})
    assert [label.get_text() for label in axes.get_yticklabels()] == ["small", "large"]
    assert axes.get_ylim()[0] > axes.get_ylim()[1], "row 0 on top"
    dots, mean = axes.get_lines()[:2]
    assert list(dots.get_xdata()) == [1.0, 2.0, 3.0]
    assert list(mean.get_xdata()) == [2.0]
