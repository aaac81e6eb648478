"""The door of lessons, as a user opens it."""

from pathlib import Path

from tests.conftest import door


def test_a_lesson_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    answer = door("lesson", "lesson=lines", cwd=tmp_path)
    assert (answer.returncode, answer.stderr.splitlines()[0][:51]) == (
        1,
        "mlplab: lesson=lines: unknown choice; did you mean ",
    )
    assert list(tmp_path.iterdir()) == []
