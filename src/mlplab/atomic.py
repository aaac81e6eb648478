"""Files that are whole at any moment: written under another name, put on the disk, then renamed."""

import os
from pathlib import Path


def write(path: str | Path, data: bytes | str) -> None:
    """Raises OSError and leaves the file as it was, where the disk refuses."""
    fresh = beside(path)
    try:
        fresh.write_bytes(data.encode() if isinstance(data, str) else data)
        commit(fresh, path)
    finally:
        fresh.unlink(missing_ok=True)


def beside(path: str | Path) -> Path:
    """The name under which a file is written first."""
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
