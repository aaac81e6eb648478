"""What a lesson is: an idea that is trained, drawn, and held to numbers."""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:  # a bench makes learners, and what makes them looks here for the kind of a lesson
    from mlplab.lesson.bench import Bench

Relation = Literal["<=", ">=", "=="]


@dataclass(frozen=True)
class Claim:
    """A sentence that ends in a number. values: one a seed, of which the worst must keep the limit.

    A value that is no number, such as the loss of a run that diverged, keeps no limit.
    """

    text: str
    values: Sequence[float]
    relation: Relation
    limit: float

    @property
    def measured(self) -> float:
        """The worst of the values."""
        if unlike := list(filter(math.isnan, self.values)):
            return unlike[0]
        if self.relation == "==":
            return max(self.values, key=lambda value: abs(value - self.limit))
        return max(self.values) if self.relation == "<=" else min(self.values)

    @property
    def holds(self) -> bool:
        kept = {"<=": self.measured <= self.limit, ">=": self.measured >= self.limit}
        return kept.get(self.relation, self.measured == self.limit)

    def told(self) -> dict[str, Any]:
        values = [float(value) for value in self.values]  # of numpy, perhaps, which JSON does not know
        numbers = {"measured": float(self.measured), "relation": self.relation, "limit": float(self.limit)}
        return {"claim": self.text, **numbers, "holds": bool(self.holds), "values": values}


class Lesson(ABC):
    """A choice of the group `lesson`; its keys are the constructor's arguments."""

    @abstractmethod
    def show(self, bench: "Bench") -> list[Claim]:
        """Train on the bench, draw `bench.picture`, and tell what must come out."""
