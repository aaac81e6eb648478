"""What is told of a member stands in its own file."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlplab.stack.member_files import log_epoch, redirect_log
from tests.stack.conftest import SMALL


@pytest.mark.parametrize("level", [logging.WARNING, logging.INFO])
def test_what_is_told_meanwhile_stands_in_the_file_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, level: int
) -> None:
    root, other = logging.getLogger(), logging.StreamHandler()
    monkeypatch.setattr(root, "handlers", [other])
    before = root.level
    root.setLevel(level)
    try:
        with redirect_log(tmp_path / "train.log"):
            logging.getLogger("mlplab.some").info("told")
        assert (tmp_path / "train.log").read_text() == "told\n"
        assert (root.handlers, root.level) == ([other], level)
    finally:
        root.setLevel(before)
    assert capsys.readouterr().err == ""


def test_there_is_a_line_an_epoch(tmp_path: Path, stacked: Callable[..., list[Any]]) -> None:
    member = stacked([*SMALL, "trainer.max_epochs=10"], [["seed=0"], ["seed=1"]])[0]
    with redirect_log(tmp_path / "train.log"):
        log_epoch(member)
    lines = (tmp_path / "train.log").read_text().splitlines()
    assert len(lines) == 10
    row = member.rows[3]
    assert lines[2] == f"epoch  3/10  loss train {row['loss/train']:.4f}  val {row['loss/val']:.4f}"
