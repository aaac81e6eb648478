"""A run folder is one process's at a time."""

import multiprocessing
from pathlib import Path

import pytest

from mlplab.errors import Mistake
from mlplab.files import held


def test_a_second_holder_is_refused_until_the_first_has_gone(tmp_path: Path) -> None:
    with held(tmp_path), pytest.raises(Mistake, match="another process trains in this folder"), held(tmp_path):
        pass
    with held(tmp_path):
        pass


def test_the_lock_goes_with_a_process_that_is_killed(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_hold, args=(tmp_path, theirs))
    process.start()
    assert ours.recv() == "held"
    with pytest.raises(Mistake), held(tmp_path):
        pass
    process.kill()
    process.join()
    with held(tmp_path):
        pass


def test_an_error_within_is_not_taken_for_a_second_holder(tmp_path: Path) -> None:
    with pytest.raises(BlockingIOError), held(tmp_path):
        raise BlockingIOError


def _hold(folder: Path, pipe: object) -> None:
    with held(folder):
        pipe.send("held")  # type: ignore[attr-defined]
        pipe.recv()  # type: ignore[attr-defined]
