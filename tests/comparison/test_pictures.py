"""Which pictures there are follows from how many keys were varied."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mlplab.comparison.comparison import Comparison, group_runs
from mlplab.comparison.page import axis_label, build_figures
from mlplab.report.figure import Panel
from tests.comparison.made import Made, sweep

TWO = {
    "optimizer=sgd optimizer.lr=0.1": (0.50, 0.52, 0.51),
    "optimizer=adam optimizer.lr=0.1": (0.10, 0.12, 0.11),
    "optimizer=adam optimizer.lr=0.01": (0.11, 0.10, 0.13),
    "optimizer=sgd optimizer.lr=0.01": (None, None, None),
}


def compared(folder: Path, jobs: Made, data: str = "iris") -> Comparison:
    (one,) = group_runs(sweep(folder, jobs, data))
    return one


def drawn(panel: Panel) -> Axes:
    axes = Figure().subplots()
    panel.draw(axes)
    return axes


def by_name(one: Comparison) -> dict[str, Panel]:
    return {panel.name: panel for panel in build_figures(one)}


@pytest.mark.parametrize(
    ("jobs", "names"),
    [
        ({"optimizer.lr=0.1": (0.1,)}, {"curves"}),
        ({"optimizer.lr=0.1": (0.1,), "optimizer.lr=0.2": (0.2,)}, {"curves", "effect_optimizer.lr"}),
        (TWO, {"curves", "heat", "effect_optimizer", "effect_optimizer.lr"}),
        (
            {
                f"optimizer.lr={lr} batch_size={b} model.dropout={d}": (lr + d,)
                for lr in (1, 2)
                for b in (8, 9)
                for d in (0, 0.5)
            },
            {"curves", "parallel", "effect_optimizer.lr", "effect_batch_size", "effect_model.dropout"},
        ),
        ({"optimizer.lr=0.1": (None,)}, set()),
    ],
    ids=["one setting", "one key", "two keys", "three keys", "all failed"],
)
def test_there_is_a_picture_for_each_question_that_was_asked(tmp_path: Path, jobs: Made, names: set[str]) -> None:
    found = by_name(compared(tmp_path, jobs))
    costs = {"cost_parameters"} if len(jobs) > 1 else set()  # all take two seconds
    assert {*found} == names | costs
    for panel in found.values():
        drawn(panel)


def test_a_cell_has_mean_and_spread_and_says_what_may_be_as_good(tmp_path: Path) -> None:
    axes = drawn(by_name(compared(tmp_path, TWO))["heat"])
    assert [text.get_text() for text in axes.texts] == [
        "0.113\n± 0.015\n≈ best",
        "0.110\n± 0.010\nbest",
        "failed",
        "0.510\n± 0.010",
    ]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["0.01", "0.1"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["adam", "sgd"]


def test_an_effect_is_over_the_means_of_settings(tmp_path: Path) -> None:
    axes = drawn(by_name(compared(tmp_path, TWO))["effect_optimizer.lr"])
    (mean,) = (line for line in axes.get_lines() if line.get_color() == "#0072B2")
    assert list(mean.get_ydata()) == pytest.approx([0.34 / 3, (0.51 + 0.11) / 2])


def test_a_number_on_the_front_is_a_place_in_the_table(tmp_path: Path) -> None:
    panel = by_name(compared(tmp_path, TWO))["cost_parameters"]
    axes = drawn(panel)
    # the mean of 10 * (number + 1): sgd 20 at 0.51, adam 50 at 0.11, adam 80 at 0.113
    assert list(axes.get_lines()[0].get_xdata()) == [50, 80, 20]
    assert [text.get_text() for text in axes.texts] == ["3", "1"]
    assert panel.caption.endswith("1: adam, lr 0.1; 3: sgd, lr 0.1.")


def test_axes_say_what_they_measure(tmp_path: Path) -> None:
    assert axis_label(compared(tmp_path / "a", TWO)) == "validation loss (cross entropy)"
    losses = {"loss=mse": (0.1,), "loss=mae": (0.2,)}
    assert axis_label(compared(tmp_path / "b", losses, "diabetes")) == "validation R²"


def test_a_picture_alone_has_its_title(tmp_path: Path) -> None:
    from io import BytesIO

    from matplotlib.image import imread

    panel = by_name(compared(tmp_path, TWO))["curves"]
    pixels = imread(BytesIO(panel.png()), "png")
    assert pixels.shape[:2] == (round(4.4 * 150), round(9.6 * 150))
    assert np.min(pixels[:60, :700, :3]) < 0.1, "words at the top left"


def test_what_a_band_is_over_is_told(tmp_path: Path) -> None:
    (one,) = group_runs(sweep(tmp_path, {"optimizer.lr=0.1": (0.1, 0.2), "optimizer.lr=0.2": (0.3, 0.5)}, folds=2))
    panels = by_name(one)
    assert panels["curves"].caption.startswith("A line is the mean over folds, its band one standard deviation.")
    assert panels["effect_optimizer.lr"].caption.startswith("A grey dot is a setting (its mean over folds).")
