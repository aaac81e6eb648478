"""A number and what it counts, in words: 1 seed, 3 seeds."""


def counted(number: int, noun: str) -> str:
    """noun: of one; what it becomes of several is regular."""
    several = f"{noun}{'es' if noun.endswith(('s', 'x')) else 's'}"
    return f"{number:,} {noun if number == 1 else several}"
