"""Settings as lines across one axis a key."""

import pytest
from matplotlib.figure import Figure

from mlplab.report.sweep_plots import draw_parallel

LEVELS = {"optimizer": ["adam", "sgd"], "optimizer.lr": ["0.01", "0.1", "1"], "dropout": ["0", "0.5"]}
SETTINGS = [
    ({"optimizer": "sgd", "optimizer.lr": "0.1", "dropout": "0"}, 0.1),
    ({"optimizer": "adam", "optimizer.lr": "0.01", "dropout": "0.5"}, 0.2),
    ({"optimizer": "adam", "optimizer.lr": "1"}, 0.5),
]


def heights(axes: object) -> list[list[float]]:
    lines = (line for line in axes.get_lines() if len(line.get_xdata()) == 4)  # type: ignore[attr-defined]
    return [[*map(float, line.get_ydata())] for line in lines]


def test_a_line_leads_from_the_values_to_the_score_with_the_best_at_the_top() -> None:
    axes = Figure().subplots()
    draw_parallel(axes, LEVELS, SETTINGS, 1, "loss/val")
    worst, second, best = heights(axes)
    assert best == [1, 0.5, 0, 1]
    assert second == pytest.approx([0, 0, 1, 0.75])
    assert worst == [0, 1, 0.5, 0], "a key that it has not stands in the middle"
    words = [text.get_text() for text in axes.texts]
    assert {"adam", "sgd", "0.01", "optimizer", "loss/val", "0.1", "0.2", "0.5"} <= {*words}


def test_the_best_is_thick_and_what_may_be_as_good_is_dashed() -> None:
    axes = Figure().subplots()
    draw_parallel(axes, LEVELS, SETTINGS, 1, "accuracy/val", lower_is_better=False)
    assert [line[-1] for line in heights(axes)] == [1, 0.25, 0]
    worst, second, best = (line for line in axes.get_lines() if len(line.get_xdata()) == 4)
    assert best.get_linewidth() > second.get_linewidth() > worst.get_linewidth()
    assert second.get_linestyle() == "--"


def test_a_loss_that_diverged_leaves_room_for_the_others() -> None:
    axes = Figure().subplots()
    draw_parallel(axes, LEVELS, [*SETTINGS, (SETTINGS[2][0], 1e6)], 0, "loss/val")
    assert sorted(line[-1] for line in heights(axes))[-2] < 0.99
