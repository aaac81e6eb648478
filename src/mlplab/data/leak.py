"""One thing by which val or test rows may be known from training, with its rows and its remedy."""

from collections.abc import Iterable
from dataclasses import dataclass

SHOWN = 3


@dataclass(frozen=True)
class Leak:
    """kind: copies, groups, dates, near_copies, feature or split. rows: of `split` that are concerned.

    examples: of those rows, by the names that they have where they come from.
    """

    kind: str
    split: str
    rows: int
    what: str
    examples: tuple[str, ...]
    remedy: str

    @property
    def text(self) -> str:
        shown = f" ({', '.join(self.examples)})" if self.examples else ""
        return f"{self.what}{shown}; {self.remedy}"


def some(names: Iterable[object]) -> tuple[str, ...]:
    """The first of the examples, and that there are more."""
    told = tuple(map(str, names))
    return (*told[:SHOWN], "...") if len(told) > SHOWN else told
