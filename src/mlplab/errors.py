"""Exceptions that end a command with one line instead of a traceback."""

from collections.abc import Iterator
from contextlib import contextmanager


class UserError(ValueError):
    """Wrong input: the message says what is wrong, where (file, row, column, key) and what would be right."""


@contextmanager
def errors_in(path: object) -> Iterator[None]:
    """Puts the path of a file before the message of a UserError."""
    try:
        yield
    except UserError as error:
        raise UserError(f"{path}: {error}") from error


class UnsafeCheckpoint(UserError):
    """A checkpoint that would run code. Damage hardly looks like that, so no other checkpoint is tried in its place."""


class RunError(RuntimeError):
    """A run that cannot continue although its input is valid, as with a loss of NaN."""


class Pruned(Exception):
    """A run that a search or a halving ended early, with a checkpoint to resume from: not an error."""


class Stopped(Exception):
    """A run that a signal stopped, with a checkpoint to resume from."""

    def __init__(self, signal: int) -> None:
        super().__init__(f"stopped by signal {signal}")
        self.status = 128 + signal
