"""Compare: a table of all runs, best first within what can be compared."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlplab.listed import Run, read
from mlplab.mistake import Mistake
from mlplab.monitor import direction
from mlplab.report.console import table
from mlplab.runs import every, find


def compare(settings: Mapping[str, Any]) -> None:
    """settings: the keys of conf/compare.yaml. Raises Mistake where there is no such run or score."""
    below, only, limit = Path(settings["below"]), settings["only"], settings["limit"]
    if limit < 0:
        raise Mistake(f"limit={limit}: must be a whole number of at least 1, or 0 for all")
    runs = [run for folder in every(below) if (run := read(folder)) is not None]
    if not runs:
        raise Mistake(f"there is no run below {below}; train one, or name another folder by below=")
    for group in ("data", "model"):
        runs = _filtered(runs, group, only[group])
    sort = settings["sort"]
    known = sorted({name for run in runs for name in run.scores})
    if sort is not None and sort not in known:
        remedy = f"choose {', '.join(known)}" if known else "no run has finished"
        raise Mistake(f"sort={sort}: no run has this score; {remedy}")
    last = _last()
    for title, alike in _comparable(runs).items():
        print(_table(title, alike, sort, limit, last), end="\n\n")
    print("evaluate one by: python scripts/evaluate.py run=FOLDER (or run=last)")


def _filtered(runs: list[Run], group: str, chosen: str | None) -> list[Run]:
    kept = [run for run in runs if chosen is None or run.choice[group] == str(chosen)]
    if not kept:
        there = ", ".join(sorted({run.choice[group] for run in runs}))
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
    headline = runs[0].headline
    score = sort or f"{headline}/val"
    sign = 1 if direction(score) == "min" else -1
    unknown = float("inf")

    def rank(run: Run) -> tuple[float, float, float]:
        value = run.scores.get(score)
        return unknown if value is None else sign * value, run.scores.get("loss/val", unknown), -run.written

    ordered = sorted(runs, key=rank)
    shown = ordered[:limit] if limit else ordered
    names = list(dict.fromkeys([score, f"{headline}/test", "loss/val"]))
    rows = [
        [
            f"{place:>{len(str(len(shown)))}}  {run.folder}{' (last)' if run.folder.resolve() == last else ''}",
            *(run.choice[group] for group in ("model", "loss", "optimizer")),
            format(run.lr, "g"),
            *(run.scores.get(name) for name in names),
            run.epochs,
            run.state,
            run.date,
        ]
        for place, run in enumerate(shown, start=1)
    ]
    more = f", of which {limit} are shown" if len(shown) < len(runs) else ""
    head = f"{title}: {len(runs)} {'run' if len(runs) == 1 else 'runs'}{more}, best {score} first"
    return f"{head}\n{table(['run', 'model', 'loss', 'optimizer', 'lr', *names, 'epochs', 'state', 'date'], rows)}"
