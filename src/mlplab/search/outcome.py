"""What came of a job, as its folder tells: finished, pruned or failed. Imports nothing heavy."""

import csv
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from mlplab.config.schema import direction
from mlplab.runs import PRUNED

NO_WORD = "ended without a word"


@dataclass(frozen=True)
class Outcome:
    """scores: of the best epoch, with `best_epoch` and `epochs`, as far as there are any. reason: of an early end."""

    state: Literal["finished", "pruned", "failed", "unfinished"]
    scores: dict[str, Any]
    reason: str = ""


def folder_of(sweep: Path, number: int) -> Path:
    """That of a job, whatever its overrides are."""
    return next(sweep.glob(f"{number}_*"), sweep / str(number))


def outcome(run: Path, monitor: str) -> Outcome:
    scores, pruned, failure = run / "scores.json", run / PRUNED, run / "failure.txt"
    if scores.exists():
        return Outcome("finished", json.loads(scores.read_text()))
    if pruned.exists():
        return Outcome("pruned", best_of(run, monitor), pruned.read_text().strip())
    if failure.exists():
        return Outcome("failed", best_of(run, monitor), failure.read_text().strip())
    return Outcome("unfinished", best_of(run, monitor), NO_WORD)


def best_of(run: Path, monitor: str) -> dict[str, Any]:
    """Of a run that has not finished: the row of its best epoch. Nothing where no epoch has ended."""
    history = run / "history.csv"
    rows = [row for row in _rows(history)[1:] if math.isfinite(row[monitor])] if history.exists() else []
    if not rows:
        return {}
    sign = 1 if direction(monitor) == "min" else -1
    best = min(rows, key=lambda row: sign * row[monitor])
    kept = {name: value for name, value in best.items() if "/" in name}
    last = rows[-1]
    return {**kept, "best_epoch": int(best["epoch"]), "epochs": int(last["epoch"]), "seconds": last["seconds"]}


def _rows(history: Path) -> list[dict[str, float]]:
    """The last line may have been cut short."""
    with open(history, newline="") as file:
        lines = [line for line in file if line.endswith("\n")]
    return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(lines)]
