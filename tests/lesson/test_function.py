"""Tests the sampled rows, the errors by region, a user function, and the lesson in full."""

import math
from pathlib import Path

import numpy as np
import pytest

import mlplab
from mlplab.data.function import GAS_RANGES
from mlplab.lesson.base import LessonRunner
from mlplab.lesson.function import NUM_REGIONS, Function, mean_errors_by_region, uniform_rows
from tests.conftest import passes_with_the_claims_of_the_page, run_script


def test_rows_are_within_the_limits_and_reproducible() -> None:
    rows = uniform_rows({"a": [0, 1], "b": [5, 7]}, 1000)
    assert (rows == uniform_rows({"a": [0, 1], "b": [5, 7]}, 1000)).all()
    assert ((rows >= [0, 5]) & (rows <= [1, 7])).all()
    assert rows.mean(axis=0) == pytest.approx([0.5, 6], abs=0.1)


def test_a_region_has_the_mean_of_its_errors() -> None:
    inputs = np.stack([np.linspace(10, 20, 1001), np.zeros(1001)], axis=1)
    regions = mean_errors_by_region(inputs[:, 0], inputs[:, :1], {"x": [10, 20]})["x"]
    assert regions == pytest.approx(10.5 + np.arange(NUM_REGIONS), abs=0.01)


@pytest.mark.slow
def test_a_small_lesson_draws_its_figure_and_returns_claims(tmp_path: Path) -> None:
    runner = LessonRunner(tmp_path, mlplab.train, mlplab.resume)
    own = Function("mlplab.data.function.gas_flow", GAS_RANGES, [], 200, [8], epochs=1, seeds=[0], units={"T": "K"})
    claims = own.show(runner)
    assert runner.picture.stat().st_size > 10_000
    assert all(math.isfinite(claim.measured) for claim in claims)


@pytest.mark.slow
def test_a_function_is_learned_inside_the_range_and_not_beyond(tmp_path: Path) -> None:
    passes_with_the_claims_of_the_page("function", tmp_path)


@pytest.mark.long
def test_a_user_function_is_set_on_the_command_line(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("import math\ndef wave(x, y):\n    return math.sin(3 * x) + y * y\n")
    own = ("lesson.function=mine.wave", "lesson.ranges={x: [-1, 1], y: [0, 2]}", "lesson.units={x: m}")
    answer = run_script("lesson", "lesson=function", "allow=[mine]", *own, cwd=tmp_path)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    refused = run_script("lesson", "lesson=function", *own, cwd=tmp_path)
    assert "for code that you trust add allow=[mine]" in refused.stderr
