"""The lesson command: output, stored claims, copied pictures, refusals."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hydra import compose, initialize_config_dir

import mlplab.lesson.line
from mlplab.command.lesson import lesson
from mlplab.config.groups import CONF_DIR, choices
from mlplab.errors import RunError, Stopped
from mlplab.lesson.base import Claim
from tests.conftest import REPO, run_script


def settings(tmp_path: Path, **changed: Any) -> dict[str, Any]:
    line = yaml.safe_load((REPO / "conf" / "lesson" / "line.yaml").read_text())
    own = {"output": str(tmp_path / "lessons"), "pictures": None, "allow": [], "debug": False}
    return {**own, "lesson": line, "choice": {"lesson": "line"}, **changed}


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> list[Claim]:
    """The lesson of the line without its runs: claims that the test may change."""
    claims = [Claim("it falls", [1.0, 2.0], "<=", 2)]

    def show(self: object, bench: Any) -> list[Claim]:
        bench.picture.write_bytes(b"a picture")
        return claims

    monkeypatch.setattr(mlplab.lesson.line.Line, "show", show)
    return claims


def test_claims_are_stored_and_the_picture_is_copied(tmp_path: Path, short: list[Claim], capsys: Any) -> None:
    lesson(settings(tmp_path, pictures=str(tmp_path / "docs")))
    kept = json.loads((tmp_path / "lessons" / "line" / "lesson.json").read_text())
    assert kept["outcome"] == "pass"
    assert kept["claims"] == [short[0].to_dict()]
    assert (tmp_path / "docs" / "line.png").read_bytes() == b"a picture"
    assert json.loads((tmp_path / "docs" / "line.json").read_text()) == {"lesson": "line", "claims": kept["claims"]}
    printed = capsys.readouterr().out
    assert "it falls" in printed
    assert "<= 2" in printed


def test_a_claim_that_does_not_hold_is_a_failure(tmp_path: Path, short: list[Claim]) -> None:
    short.append(Claim("it rises", [1.0], ">=", 5))
    with pytest.raises(RunError, match="line: does not hold: it rises"):
        lesson(settings(tmp_path))


def test_with_lesson_all_the_other_lessons_run_after_one_failed(
    tmp_path: Path, short: list[Claim], capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = settings(tmp_path, lesson={"lessons": ["line", "line"]}, choice={"lesson": "all"})
    short.append(Claim("it rises", [1.0], ">=", 5))
    with initialize_config_dir(CONF_DIR, version_base="1.3"), pytest.raises(RunError, match="it rises; line: "):
        lesson(chosen)
    assert capsys.readouterr().out.count("FAILS") == 2


def test_ctrl_c_ends_the_command_and_not_only_the_lesson(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = []

    def show(self: object, runner: Any) -> list[Claim]:
        shown.append(runner.folder)
        raise Stopped(2)

    monkeypatch.setattr(mlplab.lesson.line.Line, "show", show)
    chosen = settings(tmp_path, lesson={"lessons": ["line", "line"]}, choice={"lesson": "all"})
    with initialize_config_dir(CONF_DIR, version_base="1.3"), pytest.raises(Stopped):
        lesson(chosen)
    assert len(shown) == 1


def test_all_lessons_are_in_the_course_and_in_the_help(tmp_path: Path) -> None:
    course = yaml.safe_load((REPO / "conf" / "lesson" / "all.yaml").read_text())["lessons"]
    assert sorted(course) == sorted(set(choices("lesson")) - {"all"})
    assert f"all, or one of: {', '.join(course)}" in " ".join((REPO / "conf" / "lesson.yaml").read_text().split())
    with initialize_config_dir(CONF_DIR, version_base="1.3"):
        for name in course:
            assert compose("lesson", [f"lesson={name}"]).lesson._target_.startswith(f"mlplab.lesson.{name}.")


def test_a_wrong_key_is_one_line(tmp_path: Path) -> None:
    answer = run_script("lesson", "lesson=line", "lesson.rate=0.1", cwd=tmp_path)
    assert (answer.returncode, len(answer.stderr.splitlines())) == (1, 1)
    assert answer.stderr.startswith("mlplab: lesson.rate: unknown key")
    answer = run_script("lesson", "lesson=line", "lesson.too_large=much", cwd=tmp_path)
    assert answer.stderr == "mlplab: lesson.too_large=much: must be a number, such as 0.5\n"
    assert list(tmp_path.iterdir()) == []
