"""sweep.html: its sections and figures."""

import re
from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mlplab.comparison.comparison import Comparison, group_runs
from mlplab.comparison.page import axis_label, build_figures, comparison_page
from mlplab.report.figure import Panel
from tests.comparison.records import Losses, compared, sweep, united

JOBS = {"optimizer.lr=0.1": (0.1, 0.12), "optimizer.lr=0.2": (0.3, None)}


@pytest.fixture
def page(tmp_path: Path) -> str:
    compared = group_runs(sweep(tmp_path, JOBS))
    return comparison_page(
        "Sweep <lrs>", compared, {0: build_figures(compared[0])}, ["job 3 failed: <nan>"], ["python x.py"]
    )


def test_a_page_has_the_conclusion_and_the_failures(page: str) -> None:
    assert "<h1>Sweep &lt;lrs&gt;</h1>" in page
    assert "4 runs of 2 configurations · 3 finished" in page
    assert '<p class="verdict">Best: lr 0.1, with loss/val 0.110 ± 0.014 over 2 seeds.</p>' in page
    assert "job 3 failed: &lt;nan&gt;" in page
    assert '<td data-value="1">1</td><td class="text">0.1</td><td class="text">0.110 ± 0.014</td>' in page
    assert "On the test set, for this configuration only" in page
    assert page.count("<figure") == 3  # curves, effect, cost


def test_a_page_loads_nothing(page: str) -> None:
    assert re.findall(r'(?:src|href)="([^"#]+)"', page) == ["data:,"]
    assert not re.findall(r"https?://(?!www\.w3\.org/)", page)


def test_each_dataset_has_its_sections(tmp_path: Path) -> None:
    runs = [*sweep(tmp_path / "a", JOBS), *sweep(tmp_path / "b", JOBS, data="diabetes")]
    both = comparison_page("t", group_runs(runs), {}, [], [])
    assert both.index("Configurations, best first: diabetes") < both.index("Configurations, best first: iris")


def test_ensembles_have_their_own_section(tmp_path: Path) -> None:
    runs = sweep(tmp_path, JOBS)
    page = comparison_page("t", group_runs([*runs, united(runs[:2], loss_val=0.1, accuracy_test=0.9)]), {}, [], [])
    assert "Ensembles, best first" in page
    assert "4 runs of 2 configurations" in page
    assert '<td class="text">0.1100 -&gt; 0.1000</td>' in page
    assert "On the test set, for this ensemble only: accuracy/test 0.9000." in page
    assert "Ensembles" not in comparison_page("t", group_runs(runs), {}, [], [])


TWO = {
    "optimizer=sgd optimizer.lr=0.1": (0.50, 0.52, 0.51),
    "optimizer=adam optimizer.lr=0.1": (0.10, 0.12, 0.11),
    "optimizer=adam optimizer.lr=0.01": (0.11, 0.10, 0.13),
    "optimizer=sgd optimizer.lr=0.01": (None, None, None),
}


def draw_panel(panel: Panel) -> Axes:
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
    ids=["one configuration", "one key", "two keys", "three keys", "all failed"],
)
def test_the_figures_follow_from_the_number_of_keys(tmp_path: Path, jobs: Losses, names: set[str]) -> None:
    found = by_name(compared(tmp_path, jobs))
    costs = {"cost_parameters"} if len(jobs) > 1 else set()  # all take two seconds
    assert {*found} == names | costs
    for panel in found.values():
        draw_panel(panel)


def test_a_cell_has_mean_and_std_and_marks_ties(tmp_path: Path) -> None:
    axes = draw_panel(by_name(compared(tmp_path, TWO))["heat"])
    assert [text.get_text() for text in axes.texts] == [
        "0.113\n± 0.015\n≈ best",
        "0.110\n± 0.010\nbest",
        "failed",
        "0.510\n± 0.010",
    ]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["0.01", "0.1"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["adam", "sgd"]


def test_an_effect_is_the_mean_of_the_configurations_means(tmp_path: Path) -> None:
    axes = draw_panel(by_name(compared(tmp_path, TWO))["effect_optimizer.lr"])
    (mean,) = (line for line in axes.get_lines() if line.get_color() == "#0072B2")
    assert list(mean.get_ydata()) == pytest.approx([0.34 / 3, (0.51 + 0.11) / 2])


def test_a_number_on_the_front_is_a_rank_in_the_table(tmp_path: Path) -> None:
    panel = by_name(compared(tmp_path, TWO))["cost_parameters"]
    axes = draw_panel(panel)
    # the mean of 10 * (number + 1): sgd 20 at 0.51, adam 50 at 0.11, adam 80 at 0.113
    assert list(axes.get_lines()[0].get_xdata()) == [50, 80, 20]
    assert [text.get_text() for text in axes.texts] == ["3", "1"]
    assert panel.caption.endswith("1: adam, lr 0.1; 3: sgd, lr 0.1.")


def test_an_axis_names_split_metric_and_loss(tmp_path: Path) -> None:
    assert axis_label(compared(tmp_path / "a", TWO)) == "validation loss (cross entropy)"
    losses = {"loss=mse": (0.1,), "loss=mae": (0.2,)}
    assert axis_label(compared(tmp_path / "b", losses, "diabetes")) == "validation R²"


def test_a_picture_file_has_its_title(tmp_path: Path) -> None:
    from io import BytesIO

    from matplotlib.image import imread

    panel = by_name(compared(tmp_path, TWO))["curves"]
    pixels = imread(BytesIO(panel.png()), "png")
    assert pixels.shape[:2] == (round(4.4 * 150), round(9.6 * 150))
    assert np.min(pixels[:60, :700, :3]) < 0.1, "text at the top left"


def test_the_captions_name_what_the_means_are_over(tmp_path: Path) -> None:
    (one,) = group_runs(sweep(tmp_path, {"optimizer.lr=0.1": (0.1, 0.2), "optimizer.lr=0.2": (0.3, 0.5)}, folds=2))
    panels = by_name(one)
    assert panels["curves"].caption.startswith("Lines are means over folds, bands one standard deviation.")
    assert panels["effect_optimizer.lr"].caption.startswith("A grey dot is a configuration (its mean over folds).")
