"""A user's mistake: the exception whose text is the one line that the user reads."""


class Mistake(ValueError):
    """Says what is wrong, where (file, row, column, config key) and what would be right."""
