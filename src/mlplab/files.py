"""Files that are whole at any moment: written under another name, put on the disk, then renamed."""

import os
import uuid
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO
from uuid import uuid4

from mlplab.errors import UserError


def write(path: str | Path, data: bytes | str) -> None:
    """Raises OSError and leaves the file as it was, where the disk refuses."""
    with open_atomic(path, temporary_name(path)) as file:
        file.write(data.encode() if isinstance(data, str) else data)


@contextmanager
def open_atomic(path: str | Path, fresh: Path | None = None) -> Iterator[BinaryIO]:
    """A file that gets its name once it is whole, and none after an error.

    fresh: the name under which it is written first; without, one that no other file has.
    """
    fresh = fresh or Path(path).with_name(f".{uuid.uuid4().hex}.tmp")
    try:
        with open(fresh, "wb") as file:
            yield file
        commit(fresh, path)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise


def temporary_name(path: str | Path) -> Path:
    """The name under which a file of a run folder is written first; after a kill the next writing takes it again."""
    return Path(f"{path}.tmp")


def commit(fresh: str | Path, path: str | Path) -> None:
    """Give a written file its name; after a power cut there is the old file or the new one, never a part."""
    if _waiting is not None:
        _waiting[Path(path)] = Path(fresh)
        return
    sync(fresh)
    os.replace(fresh, path)
    sync(Path(path).parent)


def sync(path: str | Path) -> None:
    """Return when a file, or the names in a folder, are on the disk."""
    if _waiting is not None:
        _unsynced.add(Path(path))
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def batch_writes() -> Iterator[None]:
    """The files that are written meanwhile get their names at the end: a disk takes many at once in the time of a few.
    Until then none can be read under its name. After an error those that were whole get theirs still."""
    global _waiting  # noqa: PLW0603, the disk is one for all
    if _waiting is not None:
        yield
        return
    _waiting = {}
    try:
        yield
    finally:
        named, _waiting = _waiting, None
        existing = {path for path in _unsynced if path.exists()}
        _unsynced.clear()
        _sync_all(existing | set(named.values()))
        for path, fresh in named.items():
            os.replace(fresh, path)
        _sync_all({path.parent for path in named})


def _sync_all(paths: Iterable[Path]) -> None:
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(sync, paths))


_waiting: dict[Path, Path] | None = None  # names to give, and what is written for each
_unsynced: set[Path] = set()
_open: set[int] = set()  # folders that this process holds


@contextmanager
def lock_folder(run: Path, wait: bool = False) -> Iterator[None]:
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


def release_in_fork() -> None:
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
            raise UserError(said) from None
        print(f"{said}: waiting for its end", flush=True)
        fcntl.flock(folder, fcntl.LOCK_EX)


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """One process at a time; the others wait. On Windows, which has no flock, nobody waits."""
    with open(path, "ab") as file:
        if (fcntl := _fcntl()) is not None:
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def register_process(folder: Path) -> Iterator[str]:
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


def is_locked(path: Path) -> bool:
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
