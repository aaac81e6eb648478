"""Tests the line y = m x + b, and the lesson in full."""

from pathlib import Path

import numpy as np
import pytest

from mlplab.lesson.base import LessonRunner
from mlplab.lesson.line import START, gradient, gradient_descent_path, mse, step
from mlplab.run.resume import resume
from mlplab.run.train import train
from tests.conftest import passes_with_the_claims_of_the_page


@pytest.mark.parametrize(("m", "b", "loss"), [(-1, 5, 2.5), (-1, 4, 4.5), (0, 4, 1.0), (2, 1, 0.0)])
def test_the_mse_at_a_point_equals_the_table(m: float, b: float, loss: float) -> None:
    assert mse(m, b) == loss


def test_the_gradient_equals_its_formula() -> None:
    assert gradient(-1, 5).tolist() == [-3, -1]
    for m, b in ((0.5, 5.5), (2.0, 1.0), (-3.0, 0.25)):
        np.testing.assert_allclose(gradient(m, b), [5 * m + 3 * b - 13, 3 * m + 2 * b - 8], atol=1e-12)


@pytest.mark.parametrize(
    ("rate", "m", "b", "loss"), [(0.1, -0.7, 5.1, 1.825), (0.5, 0.5, 5.5, 5.625), (0.005, -0.985, 5.005, 2.4508125)]
)
def test_one_update_gives_the_point_of_the_table(rate: float, m: float, b: float, loss: float) -> None:
    np.testing.assert_allclose(step(START, rate), [m, b], atol=1e-12)
    assert mse(*step(START, rate)) == pytest.approx(loss, abs=1e-12)


def test_the_hessian_sets_the_largest_learning_rate() -> None:
    hessian = np.stack([gradient(1, 0), gradient(0, 1)]) - gradient(0, 0)
    assert np.linalg.eigvalsh(hessian) == pytest.approx([0.14590, 6.85410], abs=1e-5)
    points = dict.fromkeys((0.2917, 0.2919), START)
    for _ in range(20_000):
        points = {rate: step(point, rate) for rate, point in points.items()}
    assert mse(*points[0.2917]) < 1e-6
    assert mse(*points[0.2919]) > 1


@pytest.mark.parametrize("batch_size", [1, 2])
def test_gradient_descent_by_hand_equals_the_trajectory_of_the_run(tmp_path: Path, batch_size: int) -> None:
    overrides = ("experiment=line", f"batch_size={batch_size}", "trainer.max_epochs=6", "report.trajectory=true")
    run = LessonRunner(tmp_path, train, resume).run("walk", *overrides)
    steps = gradient_descent_path(run)
    assert len(steps) == 1 + 12 // batch_size
    np.testing.assert_allclose(steps[:: 2 // batch_size], run.trajectory(), rtol=0, atol=1e-12)


@pytest.mark.slow
def test_the_claims_of_the_lesson_hold(tmp_path: Path) -> None:
    passes_with_the_claims_of_the_page("line", tmp_path)
