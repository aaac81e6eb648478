"""What ends a run with one clear line instead of a traceback."""


class Mistake(ValueError):
    """A user's mistake: says what is wrong, where (file, row, column, config key) and what would be right."""


class Failure(RuntimeError):
    """A run that cannot go on, by no mistake of form: a loss that is no number, say."""
