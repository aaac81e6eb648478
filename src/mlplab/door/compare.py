"""Compare: a table of all runs, best first within what can be compared."""

import csv
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from mlplab.check import shown
from mlplab.mistake import Mistake
from mlplab.monitor import direction
from mlplab.report.console import table
from mlplab.runs import every, find

LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as fast
SOURCES = ("path", "target", "function", "subset")  # by which datasets of one name differ
# what leaves the rows of val and test, and their targets, as they are
ASIDE = ("_target_", *SOURCES, "root", "num_train", "label_noise", "leak_check", "ignore", "separator", "size", "grey")


@dataclass(frozen=True)
class Run:
    folder: Path
    config: Mapping[str, Any]
    scores: Mapping[str, Any]
    written: float

    @property
    def data(self) -> str:
        data = self.config["data"]
        return " ".join(map(str, [self.config["choice"]["data"], *(data[key] for key in SOURCES if data.get(key))]))

    @property
    def rows(self) -> dict[str, str]:
        """By what the rows and targets that measure a run may be others than those of another on the same data."""
        return {key: shown(value) for key, value in self.config["data"].items() if key not in ASIDE}

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
    below, only, limit = Path(settings["below"]), settings["only"], settings["limit"]
    if limit < 0:
        raise Mistake(f"limit={limit}: must be a whole number of at least 1, or 0 for all")
    runs = [run for folder in every(below) if (run := _read(folder)) is not None]
    if not runs:
        raise Mistake(f"there is no run below {below}; train one, or name another folder by below=")
    for group in ("data", "model"):
        runs = _filtered(runs, group, only[group])
    sort = settings["sort"]
    known = sorted({name for run in runs for name in run.scores if name.endswith(("/val", "/train", "/test"))})
    if sort is not None and sort not in known:
        remedy = f"choose {', '.join(known)}" if known else "no run has finished"
        raise Mistake(f"sort={sort}: no run has this score; {remedy}")
    last = _last()
    for title, alike in _comparable(runs).items():
        print(_table(title, alike, sort, limit, last), end="\n\n")
    print("evaluate one by: python scripts/evaluate.py run=FOLDER (or run=last)")


def _read(folder: Path) -> Run | None:
    """None for a folder whose config.yaml is not that of a run."""
    path = folder / "config.yaml"
    try:
        config = yaml.load(path.read_text(encoding="utf-8"), LOADER)
        scores = folder / "scores.json"
        known = json.loads(scores.read_text()) if scores.exists() else {}
        run = Run(folder, config, known, path.stat().st_mtime)
        return run if run.data and run.rows and run.epochs else None
    except (OSError, ValueError, yaml.YAMLError, KeyError, TypeError, AttributeError):
        print(f"note: {folder} was left out; its config.yaml or scores.json cannot be read")
        return None


def _filtered(runs: list[Run], group: str, chosen: str | None) -> list[Run]:
    kept = [run for run in runs if chosen is None or str(run.config["choice"][group]) == str(chosen)]
    if not kept:
        there = ", ".join(sorted({str(run.config["choice"][group]) for run in runs}))
        raise Mistake(f"{group}={chosen}: there is no such run; there are runs of {there}")
    return kept


def _last() -> Path | None:
    """What run=last means to the other doors, wherever runs are looked for here."""
    try:
        return find("last").resolve()
    except Mistake:
        return None


def _comparable(runs: list[Run]) -> dict[str, list[Run]]:
    """Runs that were measured on the same rows, by a title that says in what they differ from others on these data."""
    named: dict[str, list[Run]] = {}
    for run in runs:
        named.setdefault(run.data, []).append(run)
    groups: dict[str, list[Run]] = {}
    for data, alike in named.items():
        keys = dict.fromkeys(key for run in alike for key in run.rows)
        differ = [key for key in keys if len({run.rows.get(key) for run in alike}) > 1]
        for run in alike:
            groups.setdefault(" ".join([data, *(f"{key}={run.rows.get(key)}" for key in differ)]), []).append(run)
    return dict(sorted(groups.items()))


def _table(title: str, runs: list[Run], sort: str | None, limit: int, last: Path | None) -> str:
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
            f"{place:>{len(str(len(shown)))}}  {run.folder}{' (last)' if run.folder.resolve() == last else ''}",
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
    head = f"{title}: {len(runs)} {'run' if len(runs) == 1 else 'runs'}{more}, best {score} first"
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
