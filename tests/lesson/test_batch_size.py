"""Tests the values that the batch size lesson reads from a history, and the lesson in full."""

from pathlib import Path

import pytest
from matplotlib.figure import Figure
from omegaconf import OmegaConf

from mlplab.lesson.base import LessonRun
from mlplab.lesson.batch_size import draw_validation_loss, format_row, loss_ratios
from tests.conftest import passes_with_the_claims_of_the_page

HISTORY = [(0, 0, 1.0, 2.5), (1, 500, 3.0, 0.9), (2, 1000, 5.0, 0.5)]


def run() -> LessonRun:
    rows = [dict(zip(("epoch", "step", "seconds", "loss/val"), row, strict=True)) for row in HISTORY]
    return LessonRun(Path(), OmegaConf.create(), rows, {})


def test_the_table_has_updates_seconds_and_loss_of_an_epoch() -> None:
    assert format_row(1000, run()) == ("1,000", "500", "2.0", "0.90")


def test_losses_after_equally_many_updates_are_compared() -> None:
    assert loss_ratios([run()], [run()], 1).tolist() == [1]
    assert loss_ratios([run()], [run()], 2).tolist() == pytest.approx([5 / 9])


def test_logarithmic_axes_omit_the_start() -> None:
    by_epoch, by_updates = Figure().subplots(1, 2)
    draw_validation_loss(by_epoch, {100: run()}, "epoch")
    draw_validation_loss(by_updates, {100: run()}, "step")
    assert list(by_epoch.get_lines()[0].get_xdata()) == [0, 1, 2]
    assert list(by_updates.get_lines()[0].get_xdata()) == [500, 1000]
    assert by_updates.get_xscale() == "log"


@pytest.mark.long
def test_small_batches_learn_more_per_epoch(tmp_path: Path, mlplab_data: Path) -> None:
    passes_with_the_claims_of_the_page("batch_size", tmp_path)
