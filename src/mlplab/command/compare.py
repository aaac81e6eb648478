"""compare: prints tables of comparable runs, best first, or explains a sweep or a set of runs."""

import glob
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlplab.comparison.comparison import rank_key
from mlplab.comparison.summary import run_folders, write_comparison
from mlplab.errors import UserError
from mlplab.report.text import count_noun, format_table
from mlplab.run.folder import find_run, iter_runs, state_text
from mlplab.run.record import RunRecord, read_record

SWEEPS = Path("outputs/sweeps")


def compare(settings: Mapping[str, Any]) -> None:
    """Prints, and for a sweep or a set of runs writes, the comparison.

    settings: the keys of conf/compare.yaml. Raises UserError where there is no such run or score.
    """
    limit, sort = settings["limit"], settings["sort"]
    if limit < 0:
        raise UserError(f"limit={limit}: must be a whole number of at least 1, or 0 for all")
    if settings["sweep"] is not None and settings["runs"] is not None:
        raise UserError("sweep and runs: give one of them")
    sweep = None if settings["sweep"] is None else _sweep(str(settings["sweep"]))
    output = _output(settings, sweep)
    runs = [run for folder in _folders(settings, sweep) if (run := read_record(folder)) is not None]
    if not runs:
        raise UserError(_no_runs_message(settings, sweep))
    for group in ("data", "model"):
        runs = _filtered(runs, group, settings["only"][group])
    _check_sort(sort, runs, settings["show_test"])
    if sweep or settings["runs"]:
        if output and output != sweep:
            output.mkdir()
        write_comparison(runs, output, (), sort, limit, settings["show_test"], settings["picture"], sweep)
        return
    last = _last_run()
    for title, comparable in _comparable(runs).items():
        print(_table(title, comparable, settings, last), end="\n\n")
    print("to evaluate one: python scripts/evaluate.py run=FOLDER (or run=last)")


def _sweep(name: str) -> Path:
    """Returns the folder of a sweep, given as a path, as its name below outputs/sweeps, or as `last`."""
    if name == "last":
        found = sorted(SWEEPS.glob("*/"), key=lambda folder: folder.stat().st_mtime_ns)
        if not found:
            raise UserError(f"sweep=last: there is no sweep below {SWEEPS}; train one with -m, or give its folder")
        return found[-1]
    for folder in (Path(name).expanduser(), SWEEPS / name):
        if folder.is_dir():
            return folder
    raise UserError(f"sweep={name}: no such folder; give a sweep's folder, or its name below {SWEEPS}")


def _folders(settings: Mapping[str, Any], sweep: Path | None) -> list[Path]:
    if sweep:
        return run_folders(sweep)
    if not settings["runs"]:
        return [*iter_runs(settings["below"])]
    pattern = str(Path(str(settings["runs"])).expanduser())
    found = sorted(Path(path) for path in glob.glob(pattern.removesuffix("**") or ".", recursive=True))
    return [*dict.fromkeys(run for path in found if path.is_dir() for run in iter_runs(path))]


def _no_runs_message(settings: Mapping[str, Any], sweep: Path | None) -> str:
    if sweep:
        return f"sweep={settings['sweep']}: no job of a sweep is in {sweep}; runs='{sweep}/**' compares any runs"
    if settings["runs"]:
        return f"there is no run in runs={settings['runs']}"
    return f"there is no run below {settings['below']}; train one, or name another folder by below="


def _output(settings: Mapping[str, Any], sweep: Path | None) -> Path | None:
    """Returns the folder for table and pictures: that of the sweep, whose files are replaced, or a new one."""
    if not settings["output"]:
        return sweep
    output = Path(settings["output"]).expanduser()
    if not (sweep or settings["runs"]):
        raise UserError(f"output={output}: is for sweep= and runs=; the table of all runs is printed only")
    if output.exists() or not output.resolve().parent.is_dir():
        raise UserError(f"output={output}: name a new folder, in one that exists; nothing is written over")
    return output


def _check_sort(sort: str | None, runs: list[RunRecord], show_test: bool) -> None:
    known = sorted({name for run in runs for name in run.scores})
    if sort is not None and sort not in known:
        remedy = f"choose {', '.join(known)}" if known else "no run has finished"
        raise UserError(f"sort={sort}: no run has this score; {remedy}")
    if sort is not None and sort.endswith("/test") and not show_test:
        raise UserError(f"sort={sort}: chooses by the test set, which then measures nothing; show_test=true allows it")


def _filtered(runs: list[RunRecord], group: str, chosen: str | None) -> list[RunRecord]:
    matching = [run for run in runs if chosen is None or run.choice[group] == str(chosen)]
    if not matching:
        found = ", ".join(sorted({run.choice[group] for run in runs}))
        raise UserError(f"{group}={chosen}: there is no such run; there are runs of {found}")
    return matching


def _last_run() -> Path | None:
    """Returns the run that run=last means in the other commands."""
    try:
        return find_run("last").resolve()
    except UserError:
        return None


def _comparable(runs: list[RunRecord]) -> dict[str, list[RunRecord]]:
    """Groups of runs that were measured on the same rows, by a title with the keys that other groups differ in."""
    by_data: dict[str, list[RunRecord]] = {}
    for run in runs:
        by_data.setdefault(run.data, []).append(run)
    groups: dict[str, list[RunRecord]] = {}
    for data, same_data in by_data.items():
        keys = dict.fromkeys(key for run in same_data for key in run.rows)
        differ = [key for key in keys if len({run.rows.get(key) for run in same_data}) > 1]
        for run in same_data:
            groups.setdefault(" ".join([data, *(f"{key}={run.rows.get(key)}" for key in differ)]), []).append(run)
    return dict(sorted(groups.items()))


def _table(title: str, runs: list[RunRecord], settings: Mapping[str, Any], last: Path | None) -> str:
    """Formats runs, best first; the test score of the best run alone, unless `show_test`."""
    headline, limit = runs[0].headline, settings["limit"]
    score = settings["sort"] or f"{headline}/val"

    def rank(run: RunRecord) -> tuple[float, float, float]:
        return rank_key(score, run.scores.get(score)), rank_key("loss/val", run.scores.get("loss/val")), -run.written

    ordered = sorted(runs, key=rank)
    shown = ordered[:limit] if limit else ordered
    tests = [f"{headline}/test"] if settings["show_test"] else []
    names = list(dict.fromkeys([score, *tests, "loss/val"]))
    rows = [
        [
            f"{rank_number:>{len(str(len(shown)))}}  {run.folder}{' (last)' if run.folder.resolve() == last else ''}",
            *(run.choice[group] for group in ("model", "loss", "optimizer")),
            format(run.lr, "g"),
            *(run.scores.get(name) for name in names),
            run.epochs,
            state_text(run.state),
            run.date,
        ]
        for rank_number, run in enumerate(shown, start=1)
    ]
    more = f", of which {limit} are shown" if len(shown) < len(runs) else ""
    head = f"{title}: {count_noun(len(runs), 'run')}{more}, best {score} first"
    columns = ["run", "model", "loss", "optimizer", "lr", *names, "epochs", "state", "date"]
    tested = ordered[0].scores.get(f"{headline}/test")
    foot = "" if tests or tested is None else f"\non the test set, the first run alone: {headline}/test {tested:#.4g}"
    return f"{head}\n{format_table(columns, rows)}{foot}"
