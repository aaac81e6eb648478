"""The rounds of a halving: how many jobs and epochs each has, and, kept in rounds.json, which jobs went on."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mlplab import files
from mlplab.errors import Mistake

FILE = "rounds.json"


@dataclass(frozen=True)
class Round:
    jobs: int
    epochs: int


@dataclass(frozen=True)
class Record:
    """begun: of each round that has, the numbers of its jobs. What was decided once stands, whatever the jobs' files
    say by now: of those that went on, some are further than the others."""

    rounds: list[Round]
    begun: list[list[int]] = field(default_factory=list)

    def stays(self, place: int) -> list[int]:
        """The jobs of a round that are in no later one, as far as that is known."""
        later = self.begun[place + 1] if place + 1 < len(self.begun) else []
        return [number for number in self.begun[place] if number not in later]

    def keep(self, folder: Path) -> None:
        held = {"rounds": [[one.jobs, one.epochs] for one in self.rounds], "begun": self.begun}
        files.write(folder / FILE, json.dumps(held) + "\n")


def rounds(num_jobs: int, epochs: int, eta: int, first: int | None = None) -> list[Round]:
    """The last one has the whole length."""
    if first is None:
        power = 0
        while eta ** (power + 1) <= min(num_jobs, epochs):
            power += 1
        first = math.ceil(epochs / eta**power)
    found = []
    while True:
        found.append(Round(num_jobs, min(first, epochs)))
        if first >= epochs:
            return found
        num_jobs, first = max(1, num_jobs // eta), first * eta


def told(rounds: Sequence[Round]) -> str:
    return ", then ".join(f"{one.jobs} to epoch {one.epochs}" for one in rounds)


def read(folder: Path) -> Record | None:
    """None where there is none."""
    path = folder / FILE
    if not path.exists():
        return None
    try:
        held = json.loads(path.read_text())
        return Record([Round(jobs, epochs) for jobs, epochs in held["rounds"]], [list(one) for one in held["begun"]])
    except (ValueError, KeyError, TypeError) as error:
        raise Mistake(f"{path}: cannot be read; name another sweep by sweep.name=") from error


def agree(folder: Path, now: Sequence[Round] | None, begun: bool) -> None:
    """Raises Mistake where a sweep that goes on was no halving into these rounds, or, with None, was one. begun:
    whether it has a job that was; without, it may become either."""
    then = read(folder)
    if now is None:
        if then is not None:
            raise Mistake(f"sweep.resume: {folder} is a halving ({told(then.rounds)}): give sweep.halving=true too")
        return
    if then is None and begun:
        raise Mistake(f"sweep.resume: {folder} is no halving: leave out sweep.halving=true")
    if then is not None and then.rounds != list(now):
        changed = f"its rounds were {told(then.rounds)}, would be {told(now)}"
        raise Mistake(f"sweep.resume: {folder}: {changed}: a halving does not change; give another sweep.name")
