"""Tests random labels, the claims of the overfitting lesson, and the lesson in full."""

from pathlib import Path

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf

import mlplab
from mlplab.lesson.base import LessonRun, LessonRunner
from mlplab.lesson.overfit import RANDOM_LABELS, Overfit, width_claims
from mlplab.run.build import build_splits
from tests.conftest import passes_with_the_claims_of_the_page


def run(*val: float, train: float = 0.0, accuracy: float = 0.5) -> LessonRun:
    rows = [{"loss/val": loss, "loss/train": train, "accuracy/val": accuracy} for loss in val]
    return LessonRun(Path(), OmegaConf.create(), rows, {})


def test_random_labels_are_independent_of_the_images() -> None:
    """Within each true class all labels are equally frequent."""
    given = ("data=blobs", "data.num_classes=10", "data.num_rows=20000")
    parts = [
        build_splits(mlplab.configure(*given, f"data.label_noise={noise}")).train.target
        for noise in (0.0, RANDOM_LABELS)
    ]
    counts = np.zeros((10, 10))
    np.add.at(counts, tuple(part.numpy() for part in parts), 1)
    fractions = counts / counts.sum(axis=1, keepdims=True)
    assert np.abs(fractions - 0.1).max() < 0.04, "about 1200 rows per class: std 0.009"
    assert float(torch.eq(*parts).double().mean()) == pytest.approx(0.1, abs=1e-3)


def test_widths_are_compared_with_the_best_mean_width() -> None:
    runs = {1: [run(4.0), run(2.0)], 8: [run(1.0), run(2.0, accuracy=0.7)], 64: [run(3.0, train=0.1), run(2.2)]}
    claims = width_claims(runs)
    assert [list(claim.values) for claim in claims] == [
        [0.1, 0.0],
        [3.0, pytest.approx(1.1)],
        [4.0, 1.0],
        [0.0, pytest.approx(-0.2)],
    ]


@pytest.mark.slow
def test_a_small_lesson_draws_its_figure_and_returns_claims(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlplab.lesson.overfit.NETWORKS", dict.fromkeys(("small", "huge"), ("trainer.max_epochs=1",)))
    monkeypatch.setattr("mlplab.lesson.overfit.OVERFITTING", ("experiment=overfit", "trainer.max_epochs=2"))
    runner = LessonRunner(tmp_path, mlplab.train, mlplab.resume)
    lesson = Overfit([0], epochs=2, lr=3e-3, num_rows=50, wrong=0.3, widths=[8], sizes=[50], width=8, points=8)
    claims = lesson.show(runner)
    assert runner.picture.stat().st_size > 10_000
    assert len(claims) == 12


@pytest.mark.long
def test_a_network_memorises_labels_and_validation_rows_show_it(tmp_path: Path) -> None:
    passes_with_the_claims_of_the_page("overfit", tmp_path)
