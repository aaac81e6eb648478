"""Files that are whole at any moment: written under another name, put on the disk, then renamed."""

import os
import uuid
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


def write(path: str | Path, data: bytes | str) -> None:
    """Raises OSError and leaves the file as it was, where the disk refuses."""
    with writing(path, beside(path)) as file:
        file.write(data.encode() if isinstance(data, str) else data)


@contextmanager
def writing(path: str | Path, fresh: Path | None = None) -> Iterator[BinaryIO]:
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


def beside(path: str | Path) -> Path:
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
def together() -> Iterator[None]:
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
