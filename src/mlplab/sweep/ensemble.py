"""An ensemble beside its members: what the mean of their predictions came to."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from mlplab.run.record import Run


@dataclass(frozen=True)
class Ensemble:
    """members: as many of its runs as are at hand."""

    run: Run
    members: Sequence[Run]

    def score(self, name: str) -> float | None:
        return self.run.scores.get(name)

    def mean(self, name: str) -> float | None:
        """Of the members' scores; None unless all of them are known."""
        known = [run.scores[name] for run in self.members if name in run.scores]
        return statistics.fmean(known) if known and len(known) == self.run.members else None


def paired(ensembles: Sequence[Run], runs: Sequence[Run]) -> list[Ensemble]:
    """runs: among which members are found, by their folders."""
    by = {run.folder: run for run in runs}
    named = [[one.folder.parent / str(name) for name in one.report.get("members", [])] for one in ensembles]
    return [
        Ensemble(one, [by[folder] for folder in folders if folder in by])
        for one, folders in zip(ensembles, named, strict=True)
    ]
