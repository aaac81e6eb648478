"""Folders for what a benchmark writes, gone when it ends: a set of MNIST in floats is 180 MB."""

import tempfile
from functools import cache


def room() -> str:
    """A new one."""
    return tempfile.mkdtemp(dir=_all().name)


@cache
def _all() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory()
