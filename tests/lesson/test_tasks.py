"""Tests the points of the tasks lesson, and the lesson in full."""

import math
from pathlib import Path

import numpy as np
import pytest

import mlplab
from mlplab.lesson.base import LessonRunner
from mlplab.lesson.tasks import Tasks, points
from tests.conftest import passes_with_the_claims_of_the_page


def test_all_three_targets_follow_from_one_value() -> None:
    table = points(500, 1.0, seed=3)
    assert (table[["x1", "x2"]].abs() <= 2).all().all()
    assert ((table["value"] > 1) == (table["is_high"] == "yes")).all()
    assert ((table["level"] == "2 high") == (table["is_high"] == "yes")).all()
    assert ((table["level"] == "0 low") == (table["value"] < -1)).all()


def test_the_value_is_its_formula_and_noise() -> None:
    table = points(2000, 0.5, seed=3)
    noise = table["value"] - 2 * np.sin(1.5 * table["x1"]) - table["x2"]
    assert noise.mean() == pytest.approx(0, abs=0.05)
    assert noise.std() == pytest.approx(0.5, rel=0.05)


@pytest.mark.slow
def test_a_small_lesson_draws_its_figure_and_returns_claims(tmp_path: Path) -> None:
    runner = LessonRunner(tmp_path, mlplab.train, mlplab.resume)
    claims = Tasks(num_rows=200, noise=1.0, thresholds=[0.1, 0.5, 0.9], epochs=3, seeds=[0]).show(runner)
    assert runner.picture.stat().st_size > 10_000
    assert all(math.isfinite(claim.measured) for claim in claims)


@pytest.mark.long
def test_what_is_asked_decides_and_the_threshold_is_a_choice(tmp_path: Path) -> None:
    passes_with_the_claims_of_the_page("tasks", tmp_path)
