"""The lesson of the line, in full."""

import json
from pathlib import Path

import pytest

from tests.conftest import door


@pytest.mark.slow
def test_the_lesson_holds_and_draws(tmp_path: Path) -> None:
    shown = door("lesson", "lesson=line", cwd=tmp_path)
    assert shown.returncode == 0, shown.stderr
    told = json.loads((tmp_path / "outputs/lessons/line/lesson.json").read_text())
    assert told["outcome"] == "pass"
    assert {claim["limit"] for claim in told["claims"]} >= {491, 9872, -3, -1}
    assert (tmp_path / "outputs/lessons/line/picture.png").stat().st_size > 50_000
