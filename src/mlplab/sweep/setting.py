"""Runs that differ in their seeds or folds alone: one setting, with the mean and spread of its scores."""

import csv
import statistics
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from mlplab.run.record import Run
from mlplab.sweep.columns import SEEDS


@dataclass(frozen=True)
class Setting:
    """own: the values that set it apart, by key. p: of its difference to the best, None where it is not known."""

    name: str
    own: Mapping[str, str]
    runs: Sequence[Run]
    p: float | None = None

    @cached_property
    def finished(self) -> list[Run]:
        return [run for run in self.runs if run.state == "finished"]

    def scores(self, score: str) -> dict[Hashable, float]:
        """By seed and fold, of each finished run that has it; a run that was made twice counts twice."""
        found: dict[Hashable, float] = {}
        times: Counter[tuple[str, ...]] = Counter()
        for run in self.finished:
            if score in run.scores:
                seed = tuple(str(run.settings.get(key, 0)) for key in SEEDS)
                found[(*seed, times[seed])] = run.scores[score]
                times[seed] += 1
        return found

    def mean(self, score: str) -> float | None:
        values = self.scores(score).values()
        return statistics.fmean(values) if values else None

    def sd(self, score: str) -> float | None:
        values = self.scores(score).values()
        return statistics.stdev(values) if len(values) > 1 else None

    def fact(self, name: str) -> float | None:
        """The mean of a number of scores.json, as seconds and parameters."""
        values = [run.report.get(name) for run in self.finished]
        numbers = [float(value) for value in values if isinstance(value, int | float)]
        return statistics.fmean(numbers) if numbers else None

    @property
    def share(self) -> float:
        """Rows that validate by rows that train."""
        rows = [self.fact(name) or 1.0 for name in ("val_rows", "train_rows")]
        return rows[0] / rows[1]

    @property
    def verdict(self) -> str:
        """The most frequent, with its share where there is another."""
        told = Counter(str(run.report.get("verdict", "")).replace("_", " ") for run in self.finished)
        if not told:
            states = {run.state for run in self.runs}
            return next((state for state in ("failed", "pruned") if state in states), "not finished")
        verdict, times = told.most_common(1)[0]
        return verdict if times == len(self.finished) else f"{verdict} ({times} of {len(self.finished)})"

    def curves(self, score: str) -> tuple[list[float], list[list[float]]]:
        """Epochs, and a curve a finished run, as long as the shortest."""
        found = [_curve(run, score) for run in self.finished]
        length = min((len(curve) for curve in found), default=0)
        return list(map(float, range(length))), [curve[:length] for curve in found]


def _curve(run: Run, score: str) -> list[float]:
    path = run.folder / "history.csv"
    if not path.exists():
        return []
    with open(path, newline="", encoding="utf-8") as file:
        return [float(row[score]) for row in csv.DictReader(file) if row.get(score)]
