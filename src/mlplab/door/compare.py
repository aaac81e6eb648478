"""Compare: a table of all runs, best first within what can be compared."""

import csv
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from mlplab.mistake import Mistake
from mlplab.monitor import direction
from mlplab.report.console import table
from mlplab.runs import every

LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as fast
SOURCES = ("path", "target", "function", "subset")  # by which datasets of one name differ


@dataclass(frozen=True)
class Run:
    folder: Path
    config: Mapping[str, Any]
    scores: Mapping[str, Any]
    written: float

    @property
    def data(self) -> str:
        """Runs of one dataset can be compared."""
        data = self.config["data"]
        return " ".join(map(str, [self.config["choice"]["data"], *(data[key] for key in SOURCES if data.get(key))]))

    @property
    def state(self) -> str:
        if self.scores:
            return "finished"
        return "failed" if (self.folder / "failure.txt").exists() else "unfinished"

    @property
    def epochs(self) -> str:
        planned = self.config["trainer"]["max_epochs"]
        done = self.scores["epochs"] if self.scores else _epochs(self.folder / "history.csv")
        return str(done) if done == planned else f"{done} of {planned}"


def compare(settings: Mapping[str, Any]) -> None:
    """settings: the keys of conf/compare.yaml. Raises Mistake where there is no such run or score."""
    below, only = Path(settings["below"]), settings["only"]
    runs = [run for folder in every(below) if (run := _read(folder)) is not None]
    if not runs:
        raise Mistake(f"there is no run below {below}; train one, or name another folder by below=")
    newest = max(runs, key=lambda run: run.written)
    for group in ("data", "model"):
        runs = _filtered(runs, group, only[group])
    sort = settings["sort"]
    if sort is not None and not any(_number(run, sort) is not None for run in runs):
        known = sorted({name for run in runs for name in run.scores if name.endswith(("/val", "/train", "/test"))})
        raise Mistake(f"sort={sort}: no run has this score; choose {', '.join(known)}")
    for data in sorted({run.data for run in runs}):
        print(_table([run for run in runs if run.data == data], sort, settings["limit"], newest), end="\n\n")
    print("evaluate one by: python scripts/evaluate.py run=FOLDER (or run=last)")


def _read(folder: Path) -> Run | None:
    """None for a folder whose config.yaml is not that of a run."""
    path = folder / "config.yaml"
    try:
        config = yaml.load(path.read_text(encoding="utf-8"), LOADER)
        scores = folder / "scores.json"
        known = json.loads(scores.read_text()) if scores.exists() else {}
        run = Run(folder, config, known, path.stat().st_mtime)
        return run if run.data and run.epochs else None
    except (OSError, ValueError, yaml.YAMLError, KeyError, TypeError, AttributeError):
        print(f"note: {folder} was left out; its config.yaml or scores.json cannot be read")
        return None


def _filtered(runs: list[Run], group: str, chosen: str | None) -> list[Run]:
    kept = [run for run in runs if chosen is None or str(run.config["choice"][group]) == str(chosen)]
    if not kept:
        there = ", ".join(sorted({str(run.config["choice"][group]) for run in runs}))
        raise Mistake(f"{group}={chosen}: there is no such run; there are runs of {there}")
    return kept


def _table(runs: list[Run], sort: str | None, limit: int, newest: Run) -> str:
    values = runs[0].config["choice"]["learner"] == "regressor"
    headline = "r2" if values else "accuracy"
    score = sort or f"{headline}/val"
    sign = 1 if direction(score) == "min" else -1
    unknown = float("inf")

    def rank(run: Run) -> tuple[float, float, float]:
        loss = _number(run, "loss/val")
        value = _number(run, score)
        return unknown if value is None else sign * value, unknown if loss is None else loss, -run.written

    ordered = sorted(runs, key=rank)
    shown = ordered[:limit] if limit else ordered
    names = list(dict.fromkeys([score, f"{headline}/test", "loss/val"]))
    rows = [
        [
            f"{place:>{len(str(len(shown)))}}  {run.folder}{' (last)' if run is newest else ''}",
            *(run.config["choice"][name] for name in ("model", "loss", "optimizer")),
            format(run.config["optimizer"].get("lr") or 0, "g"),
            *(_number(run, name) for name in names),
            run.epochs,
            run.state,
            datetime.fromtimestamp(run.written).strftime("%Y-%m-%d %H:%M"),
        ]
        for place, run in enumerate(shown, start=1)
    ]
    more = f", of which {limit} are shown" if len(shown) < len(runs) else ""
    head = f"{runs[0].data}: {len(runs)} {'run' if len(runs) == 1 else 'runs'}{more}, best {score} first"
    return f"{head}\n{table(['run', 'model', 'loss', 'optimizer', 'lr', *names, 'epochs', 'state', 'date'], rows)}"


def _number(run: Run, name: str) -> float | None:
    value = run.scores.get(name)
    return float(value) if isinstance(value, int | float) else None


def _epochs(history: Path) -> int:
    """Of a run that has not finished: rows of the history but that of epoch 0."""
    if not history.exists():
        return 0
    with open(history, newline="") as file:
        return max(0, sum(1 for _ in csv.reader(file)) - 2)
