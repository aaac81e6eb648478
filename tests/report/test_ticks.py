"""Plain numbers on a log scale."""

import pytest
from matplotlib.figure import Figure

from mlplab.report.style import break_at_bracket, log_scale_label, plain_log_ticks, spans_decades


@pytest.mark.parametrize(
    ("limits", "told"),
    [
        ((0.08, 2.4), ["0.1", "0.2", "0.5", "1", "2"]),
        ((0.001, 1000), ["0.001", "0.1", "10", "1000"]),
        ((1, 3), ["1", "2"]),
    ],
)
def test_ticks_are_read_at_a_glance(limits: tuple[float, float], told: list[str]) -> None:
    axes = Figure().subplots()
    axes.set_yscale("log")
    axes.set_ylim(*limits)
    plain_log_ticks(axes.yaxis)
    axes.figure.draw_without_rendering()
    assert [label.get_text() for label in axes.get_yticklabels()] == told
    assert len(axes.yaxis.get_minorticklocs()) == 0


def test_an_axis_says_that_it_is_a_log_scale() -> None:
    assert log_scale_label("validation loss (cross entropy)") == "validation loss (cross entropy, log scale)"
    assert log_scale_label("parameters") == "parameters (log scale)"
    assert break_at_bracket("validation loss (cross entropy)") == "validation loss\n(cross entropy)"


def test_a_log_scale_is_for_positive_values_that_span_much() -> None:
    assert spans_decades([0.1, 2], 10)
    assert not spans_decades([0.1, 0.9], 10)
    assert not spans_decades([0, 100], 10)
    assert not spans_decades([-1, 100], 10)
