"""After a sweep: one table, best first, and sweep.csv."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mlplab.monitor import direction
from mlplab.report.console import table
from mlplab.search.outcome import folder_of, outcome

Job = dict[str, Any]
STATES = ("finished", "pruned", "failed", "unfinished")  # in this order, best first within each


def summarise(folder: Path, jobs: Sequence[Sequence[str]], monitor: str) -> int:
    """Prints the table, writes `<folder>/sweep.csv`; the number of failed jobs. Test scores are left out: choosing by
    them is the error that courses warn of."""
    rows = [_row(folder, number, overrides, monitor) for number, overrides in enumerate(jobs)]
    sign = 1 if direction(monitor) == "min" else -1
    rows.sort(key=lambda row: (STATES.index(row["state"]), sign * row.get(monitor, 0.0)))
    swept = [key for key in _keys(jobs) if len({row.get(key) for row in rows}) > 1]
    names = dict.fromkeys(name for row in rows for name in row)
    scores = [name for name in names if name.endswith("/val") and name not in (monitor, "loss/val")]
    columns = [*dict.fromkeys(["job", *swept, monitor, "loss/val", "loss/train", *scores]), "best_epoch", "seconds"]
    with open(folder / "sweep.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, [*columns, "verdict", "failure"], extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    headline = next((name for name in scores if direction(name) == "max"), "")
    shown = [name for name in columns if name not in scores or name == headline]
    print()
    print(table([*shown, "verdict"], [[row.get(name) for name in shown] + [_end(row)] for row in rows]))
    print()
    for row in rows:
        if row["failure"]:
            print(f"job {row['job']} failed: {row['failure']}")
    print(f"sweep     {folder / 'sweep.csv'}\ncurves    tensorboard --logdir {folder}", flush=True)
    return sum(row["failure"] != "" for row in rows)


def _row(folder: Path, number: int, overrides: Sequence[str], monitor: str) -> Job:
    chosen = dict(override.split("=", 1) for override in overrides)
    found = outcome(folder_of(folder, number), monitor)
    row = {"job": number, **chosen, "verdict": "", **found.scores, "state": found.state, "failure": ""}
    if found.state == "pruned":
        return {**row, "verdict": f"pruned {found.reason}"}
    failed = found.state in ("failed", "unfinished")
    return {"job": number, **chosen, "state": found.state, "failure": found.reason} if failed else row


def _keys(jobs: Sequence[Sequence[str]]) -> list[str]:
    return [override.split("=", 1)[0] for override in jobs[0] if not override.startswith("sweep.name=")]


def _end(row: Job) -> str:
    if row["state"] == "pruned":
        return f"pruned at {row.get('epochs', 0)}"
    return "failed" if row["failure"] else str(row["verdict"])
