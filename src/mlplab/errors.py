"""Exceptions that end a command with one line instead of a traceback."""


class UserError(ValueError):
    """A user's mistake: says what is wrong, where (file, row, column, config key) and what would be right."""


class UnsafeCheckpoint(UserError):
    """A checkpoint that would run code: damage hardly looks so, hence nothing else is tried in its place."""


class RunError(RuntimeError):
    """A run that cannot go on, by no mistake of form: a loss that is no number, say."""


class Pruned(Exception):
    """A run that a search ended early, with a checkpoint from which it goes on: no failure."""


class Stopped(Exception):
    """A run that a signal asked to stop, with a checkpoint from which it goes on."""

    def __init__(self, signal: int) -> None:
        super().__init__(f"stopped by signal {signal}")
        self.status = 128 + signal
