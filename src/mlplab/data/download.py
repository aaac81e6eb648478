"""A download that fails leaves no empty folders behind."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def no_empty_folders(root: Path) -> Iterator[None]:
    """Of those made below `root`, and `root` itself, the empty ones go when what is done fails."""
    before = {*root.rglob("*"), *(folder for folder in (root, *root.parents) if folder.exists())}
    try:
        yield
    except BaseException:
        made = {*root.rglob("*"), root, *root.parents} - before
        for folder in sorted(made, reverse=True):
            with suppress(OSError):  # a file, or a folder with something in it
                folder.rmdir()
        raise
