"""Files that are whole at any moment, and locks that end with their process."""

import os
import uuid
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from filelock import lock_descriptor

from mlplab.errors import UserError

OPENS_FOLDERS = os.name != "nt"  # where a folder cannot be opened, a file in it is locked in its place
LOCK_FILE = ".lock"


def write(path: str | Path, data: bytes | str) -> None:
    """Writes a whole file. Raises OSError and leaves the old file where the disk refuses."""
    with open_atomic(path, temporary_name(path)) as file:
        file.write(data.encode() if isinstance(data, str) else data)


@contextmanager
def open_atomic(path: str | Path, fresh: Path | None = None) -> Iterator[BinaryIO]:
    """Opens a file that gets its name once it is whole, and none after an error.

    fresh: the name under which it is written first; None: one that no other file has.
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
    """Returns the name under which a file of a run folder is written first; after a kill the next write uses it
    again."""
    return Path(f"{path}.tmp")


def commit(fresh: str | Path, path: str | Path) -> None:
    """Gives a written file its name; after a power cut there is the old file or the new one, never a part."""
    if _uncommitted is not None:
        _uncommitted[Path(path)] = Path(fresh)
        return
    sync(fresh)
    os.replace(fresh, path)
    sync(Path(path).parent)


def sync(path: str | Path) -> None:
    """Returns when a file, or the names in a folder, are on the disk."""
    if _uncommitted is not None:
        _unsynced.add(Path(path))
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def batch_writes() -> Iterator[None]:
    """Commits the files that are written meanwhile together at the end: a disk takes many at once in the time of a few.
    Until then none can be read under its name. After an error those that were whole are still committed."""
    global _uncommitted  # noqa: PLW0603, the disk is one for all
    if _uncommitted is not None:
        yield
        return
    _uncommitted = {}
    try:
        yield
    finally:
        written, _uncommitted = _uncommitted, None
        existing = {path for path in _unsynced if path.exists()}
        _unsynced.clear()
        _sync_all(existing | set(written.values()))
        for path, fresh in written.items():
            os.replace(fresh, path)
        _sync_all({path.parent for path in written})


_uncommitted: dict[Path, Path] | None = None  # in batch_writes: the final name of each file, and its name until then
_unsynced: set[Path] = set()


def _sync_all(paths: Iterable[Path]) -> None:
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(sync, paths))


@contextmanager
def lock_folder(run: Path, wait: bool = False) -> Iterator[None]:
    """Locks a folder for this process. Raises UserError where another process trains in it, or waits for its end."""
    with _open_to_lock(run) as descriptor:
        if not lock_descriptor(descriptor, blocking=False):
            message = f"{run}: another process trains in this folder"
            if not wait:
                raise UserError(message)
            print(f"{message}: waiting for its end", flush=True)
            lock_descriptor(descriptor)
        _locked_folders.add(descriptor)
        try:
            yield
        finally:
            _locked_folders.discard(descriptor)


def release_in_fork() -> None:
    """Closes the parent's locks in a forked process, which would keep a folder locked after the parent has died."""
    for descriptor in _locked_folders:
        os.close(descriptor)
    _locked_folders.clear()


_locked_folders: set[int] = set()


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Admits one process at a time; the others wait."""
    with open(path, "ab") as file:
        lock_descriptor(file.fileno(), poll_interval=0.001)
        yield


@contextmanager
def register_process(folder: Path) -> Iterator[str]:
    """Yields the name of a file of this process, which is locked as long as the process lives."""
    path = folder / f"{os.getpid()}-{uuid.uuid4().hex[:8]}.lock"
    try:
        with open(path, "wb") as file:
            lock_descriptor(file.fileno())
            yield path.name
    finally:
        with suppress(OSError):
            path.unlink()


def is_locked(path: Path) -> bool:
    """Returns whether a process has locked a file or a folder; False where there is none."""
    try:
        with _open_to_lock(path) as descriptor:
            return not lock_descriptor(descriptor, blocking=False)
    except FileNotFoundError:
        return False


@contextmanager
def _open_to_lock(path: Path) -> Iterator[int]:
    """Opens a file or a folder to lock it. filelock's FileLock would leave a file in each run folder, and takes 40
    times as long."""
    beside = path.is_dir() and not OPENS_FOLDERS
    descriptor = os.open(path / LOCK_FILE, os.O_RDWR | os.O_CREAT) if beside else os.open(path, os.O_RDONLY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
        if beside:
            with suppress(OSError):  # open in another process
                (path / LOCK_FILE).unlink()
