"""Files that are whole at any moment: written under another name, put on the disk, then renamed."""

import os
import uuid
from collections.abc import Iterator
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
    finally:
        fresh.unlink(missing_ok=True)


def beside(path: str | Path) -> Path:
    """The name under which a file of a run folder is written first; after a kill the next writing takes it again."""
    return Path(f"{path}.tmp")


def commit(fresh: str | Path, path: str | Path) -> None:
    """Give a written file its name; after a power cut there is the old file or the new one, never a part."""
    sync(fresh)
    os.replace(fresh, path)
    sync(Path(path).parent)


def sync(path: str | Path) -> None:
    """Return when a file, or the names in a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
