"""A file is the old one or the new one, never a part; a lock ends with its process, however that ends."""

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from mlplab import files
from mlplab.errors import UserError
from mlplab.files import exclusive, is_locked, lock_folder, register_process, release_in_fork

REGISTER = """
import sys, time
from pathlib import Path
from mlplab.files import register_process
with register_process(Path(sys.argv[1])) as name:
    print(name, flush=True)
    time.sleep(60)
"""


def test_a_written_file_holds_what_was_given_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "scores.json"
    files.write(path, "old")
    files.write(path, b"new")
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_the_old_file_remains_if_the_new_one_cannot_be_renamed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "history.csv"
    files.write(path, "old")

    def refuse(*_: object) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(OSError, match="the disk is full"):
        files.write(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_is_renamed_only_after_its_bytes_are_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    sync, replace = files.sync, os.replace
    monkeypatch.setattr(files, "sync", lambda path: order.append(f"sync {Path(path).name}") or sync(path))  # type: ignore[func-returns-value]
    monkeypatch.setattr(os, "replace", lambda *paths: order.append("replace") or replace(*paths))  # type: ignore[func-returns-value]
    files.write(tmp_path / "a", "x")
    assert order == ["sync a.tmp", "replace", f"sync {tmp_path.name}"]


def test_a_file_of_the_user_is_never_used_as_the_temporary_file(tmp_path: Path) -> None:
    """Nor is the file of another writer of the same path."""
    (tmp_path / "a.csv.tmp").write_text("mine")
    with files.open_atomic(tmp_path / "a.csv") as first, files.open_atomic(tmp_path / "a.csv") as second:
        first.write(b"first")
        second.write(b"second")
    assert (tmp_path / "a.csv").read_text() == "first"
    assert (tmp_path / "a.csv.tmp").read_text() == "mine"
    assert len(list(tmp_path.iterdir())) == 2


@pytest.fixture(params=[True, False], ids=["the folder", "a file in it"])
def folder(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is locked itself, or by a file in it where the system cannot open folders."""
    monkeypatch.setattr(files, "OPENS_FOLDERS", request.param)
    return tmp_path


def test_a_second_process_is_refused_until_the_first_has_unlocked_the_folder(folder: Path) -> None:
    with (
        lock_folder(folder),
        pytest.raises(UserError, match="another process trains in this folder"),
        lock_folder(folder),
    ):
        pass
    with lock_folder(folder):
        assert is_locked(folder)
    assert not is_locked(folder)
    assert list(folder.iterdir()) == []


def test_a_lock_ends_with_a_process_that_is_killed(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_hold, args=(tmp_path, theirs))
    process.start()
    assert ours.recv() == "locked"
    with pytest.raises(UserError), lock_folder(tmp_path):
        pass
    process.kill()
    process.join()
    with lock_folder(tmp_path):
        pass


def _hold(folder: Path, pipe: "Connection[str, str]") -> None:
    with lock_folder(folder):
        pipe.send("locked")
        pipe.recv()


def test_a_forked_process_does_not_keep_the_folder_of_a_parent_that_has_died(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    parent = context.Process(target=_hold_and_fork, args=(tmp_path, theirs))
    parent.start()
    child = int(ours.recv())
    parent.kill()
    parent.join()
    os.kill(child, 0)  # it is alive
    with lock_folder(tmp_path):
        pass
    os.kill(child, signal.SIGKILL)


def _hold_and_fork(folder: Path, pipe: "Connection[str, str]") -> None:
    with lock_folder(folder):
        if not os.fork():
            release_in_fork()
            pipe.send(str(os.getpid()))
        signal.pause()


def test_a_process_that_waits_says_so_and_locks_when_the_other_has_ended(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_hold, args=(tmp_path, theirs))
    process.start()
    assert ours.recv() == "locked"
    threading.Timer(1, ours.send, ["end"]).start()
    with lock_folder(tmp_path, wait=True):
        pass
    process.join()
    assert capfd.readouterr().out == f"{tmp_path}: another process trains in this folder: waiting for its end\n"


def test_an_error_within_is_not_taken_for_a_second_process(tmp_path: Path) -> None:
    with pytest.raises(BlockingIOError), lock_folder(tmp_path):
        raise BlockingIOError


def test_the_file_of_a_killed_process_is_not_locked(tmp_path: Path) -> None:
    arguments = [sys.executable, "-c", REGISTER, str(tmp_path)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        name = process.stdout.readline().strip()
        assert is_locked(tmp_path / name)
        process.send_signal(signal.SIGKILL)
    assert (tmp_path / name).exists()
    assert not is_locked(tmp_path / name)


def test_a_process_that_ends_removes_its_file(tmp_path: Path) -> None:
    with register_process(tmp_path) as name:
        assert is_locked(tmp_path / name)
    assert list(tmp_path.iterdir()) == []
    assert not is_locked(tmp_path / name)


def test_exclusive_locks_a_file_until_the_end_of_the_block(tmp_path: Path) -> None:
    with exclusive(tmp_path / "lock"):
        assert is_locked(tmp_path / "lock")
    assert not is_locked(tmp_path / "lock")
