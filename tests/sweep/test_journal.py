"""The record of a search is whole whatever happened to who wrote it."""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("optuna", reason="needs optuna: pip install 'mlplab[search]'")

from mlplab.sweep.search import Journal

DECIDED, SCORE = {"op_code": 4, "study_id": 0}, {"op_code": 7, "trial_id": 0, "step": 1, "intermediate_value": 0.5}


def test_what_is_written_is_read_by_all(tmp_path: Path) -> None:
    one, other = (Journal(tmp_path / "journal.log") for _ in range(2))
    one.append_logs([DECIDED])
    other.append_logs([SCORE, DECIDED])
    assert list(one.read_logs(0)) == list(other.read_logs(0)) == [DECIDED, SCORE, DECIDED]


@pytest.mark.parametrize("cut", [1, 20])
def test_half_a_line_is_dropped(cut: int, tmp_path: Path) -> None:
    path = tmp_path / "journal.log"
    journal = Journal(path)
    journal.append_logs([DECIDED, SCORE])
    path.write_bytes(path.read_bytes()[:-cut])
    assert list(Journal(path).read_logs(0)) == [DECIDED]
    journal.append_logs([DECIDED])
    assert list(Journal(path).read_logs(0)) == [DECIDED, DECIDED]


def test_scores_do_not_wait_for_the_disk_and_what_is_decided_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", synced.append)
    journal = Journal(tmp_path / "journal.log")
    journal.append_logs([SCORE])
    assert not synced
    journal.append_logs([SCORE, DECIDED])
    assert len(synced) == 1


def test_a_process_that_is_killed_while_it_writes_keeps_nobody_waiting(tmp_path: Path) -> None:
    code = """if True:
        import os, sys, time
        from pathlib import Path
        from mlplab.sweep.search import Journal
        def held(_):
            Path("here").touch()
            time.sleep(60)
        os.fsync = held
        Journal(Path("journal.log")).append_logs([{"op_code": 4}])
    """
    with subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path) as process:
        while not (tmp_path / "here").exists():
            time.sleep(0.01)
        process.kill()
    before = time.monotonic()
    journal: Any = Journal(tmp_path / "journal.log")
    journal.append_logs([DECIDED])
    assert time.monotonic() - before < 5
    assert list(journal.read_logs(0)) == [{"op_code": 4}, DECIDED]
