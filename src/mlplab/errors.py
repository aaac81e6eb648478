"""Exceptions that end a command with one line instead of a traceback."""


class UserError(ValueError):
    """Wrong input: the message says what is wrong, where (file, row, column, key) and what would be right."""


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
