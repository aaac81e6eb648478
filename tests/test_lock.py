"""A run folder is one process's at a time."""

import multiprocessing
from pathlib import Path

import pytest

from mlplab.errors import UserError
from mlplab.files import lock_folder


def test_a_second_holder_is_refused_until_the_first_has_gone(tmp_path: Path) -> None:
    with (
        lock_folder(tmp_path),
        pytest.raises(UserError, match="another process trains in this folder"),
        lock_folder(tmp_path),
    ):
        pass
    with lock_folder(tmp_path):
        pass


def test_the_lock_goes_with_a_process_that_is_killed(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_hold, args=(tmp_path, theirs))
    process.start()
    assert ours.recv() == "held"
    with pytest.raises(UserError), lock_folder(tmp_path):
        pass
    process.kill()
    process.join()
    with lock_folder(tmp_path):
        pass


def test_an_error_within_is_not_taken_for_a_second_holder(tmp_path: Path) -> None:
    with pytest.raises(BlockingIOError), lock_folder(tmp_path):
        raise BlockingIOError


def _hold(folder: Path, pipe: object) -> None:
    with lock_folder(folder):
        pipe.send("held")  # type: ignore[attr-defined]
        pipe.recv()  # type: ignore[attr-defined]
