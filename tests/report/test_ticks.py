"""Plain numbers on a log scale."""

import pytest
from matplotlib.figure import Figure

from mlplab.report.style import in_two, on_log_scale, plain_log, spans


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
    plain_log(axes.yaxis)
    axes.figure.draw_without_rendering()
    assert [label.get_text() for label in axes.get_yticklabels()] == told
    assert len(axes.yaxis.get_minorticklocs()) == 0


def test_an_axis_says_that_it_is_a_log_scale() -> None:
    assert on_log_scale("validation loss (cross entropy)") == "validation loss (cross entropy, log scale)"
    assert on_log_scale("parameters") == "parameters (log scale)"
    assert in_two("validation loss (cross entropy)") == "validation loss\n(cross entropy)"


def test_a_log_scale_is_for_positive_values_that_span_much() -> None:
    assert spans([0.1, 2], 10)
    assert not spans([0.1, 0.9], 10)
    assert not spans([0, 100], 10)
    assert not spans([-1, 100], 10)
