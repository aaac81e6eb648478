"""One process at a time in a run folder; the lock goes with the process, however it ends."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mlplab.mistake import Mistake

_open: set[int] = set()  # folders that this process holds


@contextmanager
def held(run: Path, wait: bool = False) -> Iterator[None]:
    """Raises Mistake where another process trains in the folder, or waits for it. On Windows, which has no flock,
    nothing is done."""
    try:
        import fcntl
    except ImportError:
        yield
        return
    folder = os.open(run, os.O_RDONLY)
    _open.add(folder)
    try:
        _lock(fcntl, folder, run, wait)
        yield
    finally:
        _open.discard(folder)
        os.close(folder)


def leave_to_parent() -> None:
    """In a process that was forked: else it would hold a folder whose own process has died."""
    for folder in _open:
        os.close(folder)
    _open.clear()


def _lock(fcntl: Any, folder: int, run: Path, wait: bool) -> None:
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        said = f"{run}: another process trains in this folder"
        if not wait:
            raise Mistake(said) from None
        print(f"{said}: waiting for its end", flush=True)
        fcntl.flock(folder, fcntl.LOCK_EX)
