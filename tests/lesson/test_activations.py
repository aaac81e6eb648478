"""The lesson of activations, in full, by hand."""

import json
from pathlib import Path

import pytest

from tests.conftest import door


@pytest.mark.long
def test_the_lesson_holds_and_draws(tmp_path: Path) -> None:
    shown = door("lesson", "lesson=activations", cwd=tmp_path)
    assert shown.returncode == 0, shown.stderr
    told = json.loads((tmp_path / "outputs/lessons/activations/lesson.json").read_text())
    assert told["outcome"] == "pass"
    assert all(len(claim["values"]) >= 3 for claim in told["claims"])
