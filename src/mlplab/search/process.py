"""Which processes take part in a search: each holds a lock, which goes with it however it ends."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """One process at a time; the others wait. On Windows, which has no flock, nobody waits."""
    with open(path, "ab") as file:
        if (fcntl := _fcntl()) is not None:
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def taking_part(folder: Path) -> Iterator[str]:
    """A file of this process, which is locked as long as it lives."""
    path = folder / f"{os.getpid()}-{uuid4().hex[:8]}.lock"
    with open(path, "wb") as file:
        if (fcntl := _fcntl()) is not None:
            fcntl.flock(file, fcntl.LOCK_EX)
        try:
            yield path.name
        finally:
            with suppress(OSError):
                path.unlink()


def locked(path: Path) -> bool:
    """Whether a process holds a file or a folder; not where it is not there."""
    fcntl = _fcntl()
    try:
        opened = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        if fcntl is not None:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return fcntl is None
    except BlockingIOError:
        return True
    finally:
        os.close(opened)


def _fcntl() -> Any:
    try:
        import fcntl
    except ImportError:
        return None
    return fcntl
