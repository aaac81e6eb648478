"""The lesson command, in a process of its own."""

from pathlib import Path

from tests.conftest import run_script


def test_an_unknown_lesson_is_one_line(tmp_path: Path) -> None:
    answer = run_script("lesson", "lesson=lines", cwd=tmp_path)
    assert (answer.returncode, answer.stderr.splitlines()[0][:51]) == (
        1,
        "mlplab: lesson=lines: unknown choice; did you mean ",
    )
    assert list(tmp_path.iterdir()) == []
