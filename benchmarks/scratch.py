"""Temporary folders for what a benchmark writes, removed when it ends: MNIST in float32 is 180 MB."""

import tempfile
from functools import cache


def scratch_folder() -> str:
    """Creates a new folder."""
    return tempfile.mkdtemp(dir=_root().name)


@cache
def _root() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory()
