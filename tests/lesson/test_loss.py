"""Tests the values that the loss lesson computes, and the lesson in full."""

import math
from pathlib import Path

import numpy as np
import pytest
from omegaconf import OmegaConf
from torch import nn

import mlplab
from mlplab.learner.binary_classifier import BinaryClassifier
from mlplab.lesson.base import LessonRun, LessonRunner
from mlplab.lesson.loss import Loss, loss_and_gradient, points, updates_to_learn
from tests.conftest import passes_with_the_claims_of_the_page


def test_outliers_are_the_last_rows_and_only_they() -> None:
    x, y = points(50, 5, -12.0, seed=1)
    _, clean = points(50, 5, 0.0, seed=1)
    assert (np.diff(x) >= 0).all()
    assert np.allclose(clean - y, [0.0] * 45 + [12.0] * 5)
    assert np.abs(clean - 2 * x - 1).max() < 2.5, "noise with std 0.5"


def test_the_loss_and_gradient_of_a_misclassification_equal_the_formulas() -> None:
    p = np.array([0.1, 0.5])
    costs, gradients = loss_and_gradient(BinaryClassifier(nn.Identity(), nn.BCEWithLogitsLoss()), p)
    assert costs == pytest.approx(-np.log(p), rel=1e-5)
    assert gradients == pytest.approx(1 - p, rel=1e-5)
    costs, gradients = loss_and_gradient(BinaryClassifier(nn.Identity(), nn.MSELoss()), p)
    assert costs == pytest.approx((1 - p) ** 2, rel=1e-5)
    assert gradients == pytest.approx(2 * p * (1 - p) ** 2, rel=1e-5)


def test_updates_to_learn_is_the_first_epoch_with_the_target_accuracy() -> None:
    def run(*accuracy: float) -> LessonRun:
        return LessonRun(Path(), OmegaConf.create(), [{"accuracy/val": value} for value in accuracy], {})

    assert updates_to_learn(run(0.1, 0.9, 0.8)) == 1
    assert updates_to_learn(run(0.1, 0.2)) == 2, "never"


@pytest.mark.slow
def test_a_small_lesson_draws_its_figure_and_returns_claims(tmp_path: Path) -> None:
    runner = LessonRunner(tmp_path, mlplab.train, mlplab.resume)
    claims = Loss(seeds=[0], num_rows=20, outliers=2, shift=-12.0, wrong=4.0, epochs=2).show(runner)
    assert runner.picture.stat().st_size > 10_000
    assert len(claims) == 8
    assert all(math.isfinite(claim.measured) for claim in claims)


@pytest.mark.long
def test_squares_follow_outliers_and_are_slow_where_cross_entropy_is_not(tmp_path: Path) -> None:
    passes_with_the_claims_of_the_page("loss", tmp_path)
