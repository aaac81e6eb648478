"""The bowl over (m, b): every figure that a course can work out by hand."""

import json
from pathlib import Path

import numpy as np
import pytest

from mlplab.lesson.line import START, gradient, mse, step
from tests.conftest import door


@pytest.mark.parametrize(("m", "b", "loss"), [(-1, 5, 2.5), (-1, 4, 4.5), (0, 4, 1.0), (2, 1, 0.0)])
def test_the_mse_at_a_point_is_that_of_the_table(m: float, b: float, loss: float) -> None:
    assert mse(m, b) == loss


def test_the_gradient_is_that_of_its_formula() -> None:
    assert gradient(-1, 5).tolist() == [-3, -1]
    for m, b in ((0.5, 5.5), (2.0, 1.0), (-3.0, 0.25)):
        np.testing.assert_allclose(gradient(m, b), [5 * m + 3 * b - 13, 3 * m + 2 * b - 8], atol=1e-12)


@pytest.mark.parametrize(
    ("rate", "m", "b", "loss"), [(0.1, -0.7, 5.1, 1.825), (0.5, 0.5, 5.5, 5.625), (0.005, -0.985, 5.005, 2.4508125)]
)
def test_one_update_goes_where_the_table_says(rate: float, m: float, b: float, loss: float) -> None:
    np.testing.assert_allclose(step(START, rate), [m, b], atol=1e-12)
    assert mse(*step(START, rate)) == pytest.approx(loss, abs=1e-12)


def test_the_hessian_sets_the_largest_learning_rate() -> None:
    hessian = np.stack([gradient(1, 0), gradient(0, 1)]) - gradient(0, 0)
    assert np.linalg.eigvalsh(hessian) == pytest.approx([0.14590, 6.85410], abs=1e-5)
    at = dict.fromkeys((0.2917, 0.2919), START)
    for _ in range(20_000):
        at = {rate: step(point, rate) for rate, point in at.items()}
    assert mse(*at[0.2917]) < 1e-6
    assert mse(*at[0.2919]) > 1


@pytest.mark.slow
def test_the_lesson_holds_and_draws(tmp_path: Path) -> None:
    shown = door("lesson", "lesson=line", cwd=tmp_path)
    assert shown.returncode == 0, shown.stderr
    told = json.loads((tmp_path / "outputs/lessons/line/lesson.json").read_text())
    assert told["outcome"] == "pass"
    assert {claim["limit"] for claim in told["claims"]} >= {491, 9872, -3, -1}
    assert (tmp_path / "outputs/lessons/line/picture.png").stat().st_size > 50_000
