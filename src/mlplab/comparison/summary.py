"""At the end of a sweep, or later: console, sweep.csv, sweep.html and its pictures."""

import csv
import io
import math
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mlplab import files
from mlplab.comparison.comparison import Comparison, group_runs
from mlplab.comparison.settings import SEED_KEYS
from mlplab.comparison.text import (
    TITLE,
    best_configuration,
    best_ensemble_text,
    comparison_table,
    conclusion_text,
    ensemble_gains,
    footer_text,
)
from mlplab.config.schema import monitor_mode
from mlplab.report.text import format_table
from mlplab.run.folder import best_scores, ensemble_folders, job_folders, jobs_without_run
from mlplab.run.record import RunRecord, read_record

LIMIT = 20  # rows of a table on the console
STATES = ("finished", "pruned", "failed", "unfinished")  # of a run, as sweep.csv has them below each other


def summarise(folder: Path, jobs: Sequence[Sequence[str]], picture: bool = True) -> int:
    """At the end of a sweep. jobs: the words of each. Returns how many have failed."""
    missing = jobs_without_run(folder, jobs)
    begun = [path for path in job_folders(folder).values() if (path / "config.yaml").exists()]
    runs = [run for path in [*begun, *ensemble_folders(folder)] if (run := read_record(path))]
    lines = [f"job {number} ({words}) was not begun" for number, words in missing.items()]
    write_comparison(runs, folder, lines, picture=picture, sweep=folder)
    return len(missing) + sum(run.state not in STATES[:2] for run in runs)


def write_comparison(
    runs: Sequence[RunRecord],
    folder: Path | None,
    missing: Sequence[str] = (),
    sort: str | None = None,
    limit: int = LIMIT,
    tests: bool = False,
    picture: bool = True,
    sweep: Path | None = None,
) -> None:
    """Prints a table for each set of runs that can be compared; writes the files where there is a folder. sweep: the
    folder that the runs are the jobs of."""
    compared = group_runs(runs, sort)
    for one in compared:
        print(f"\n{_told(one, limit, tests, titled=len(compared) > 1)}")
    unended = [line for run in runs if (line := _unended(run, sweep))]
    print("\n".join(["", *unended, *missing]) if unended or missing else "")
    if folder is None:
        return
    files.write(folder / "sweep.csv", _csv(compared, sweep))
    print(f"table     {folder / 'sweep.csv'}")
    if picture and any(one.best for one in compared):
        _draw(folder, compared, [*unended, *missing], tests, sweep)
        print(f"page      {folder / 'sweep.html'}, its pictures in {folder / 'pictures'}")
    for one in compared:
        if best := best_configuration(one):
            print(f"ensemble  {best.run.folder}")
    if sweep:
        print(f"curves    tensorboard --logdir {sweep}")


def _draw(
    folder: Path, compared: Sequence[Comparison], missing: Sequence[str], tests: bool, sweep: Path | None
) -> None:
    from mlplab.comparison.page import KINDS, build_figures, comparison_page
    from mlplab.report.figure import Panel  # heavy

    drawn: dict[int, list[Panel]] = {place: build_figures(one) for place, one in enumerate(compared)}
    (folder / "pictures").mkdir(exist_ok=True)
    for old in (folder / "pictures").glob("*.png"):
        if old.stem.startswith(KINDS):
            old.unlink()
    for place, panels in drawn.items():
        for panel in panels:
            number = f"_{place + 1}" if len(compared) > 1 else ""
            files.write(folder / "pictures" / f"{panel.name}{number}.png", panel.png())
    best = [one.best.finished[0].folder for one in compared if one.best]
    commands = [f"python scripts/report.py run={shlex.quote(str(run))}" for run in best]
    if sweep:
        quoted = shlex.quote(str(sweep))
        commands += [f"python scripts/compare.py sweep={quoted}", f"tensorboard --logdir {quoted}"]
    title = f"Sweep {sweep.name}" if sweep else "Runs compared"
    files.write(folder / "sweep.html", comparison_page(title, compared, drawn, missing, commands, tests))


def _told(one: Comparison, limit: int, tests: bool, titled: bool) -> str:
    header, rows = comparison_table(one, limit, tests)
    more = f", of which {limit} are shown" if limit and limit < len(one.settings) else ""
    head = [f"{one.data}: {len(one.settings)} settings{more}, best {one.score} first"] if titled or more else []
    told = [*head, format_table(header, rows), *footer_text(one, tests), "", *conclusion_text(one)]
    if one.ensembles:
        told += ["", TITLE, format_table(*ensemble_gains(one, tests)), "", *best_ensemble_text(one)]
    return "\n".join(told)


def _unended(run: RunRecord, sweep: Path | None) -> str:
    who = f"job {_job(run, sweep)}" if sweep else str(run.folder)
    if run.state == "failed":
        return f"{who} failed: {run.failure or 'ended without a word'}"
    return f"{who} has not finished: {run.epochs} epochs" if run.state == "unfinished" else ""


def _csv(compared: Sequence[Comparison], sweep: Path | None) -> str:
    """One row a run, best first, below them those that were pruned, last those without scores. Test scores are left
    out: choosing by them is the error that courses warn of."""
    runs = sorted(((one, run) for one in compared for run in one.runs), key=_rank)
    keys = dict.fromkeys(key for one in compared for key in one.columns)
    keys |= {seed: None for seed in SEED_KEYS if len({run.words.get(seed) for _, run in runs}) > 1}
    names = dict.fromkeys(name for _, run in runs for name in _scores(run) if name.endswith("/val"))
    scores = dict.fromkeys([*(one.score for one in compared), "loss/val", "loss/train", *names])
    columns = ["job", *keys, *scores, "best_epoch", "seconds", "verdict", "failure"]
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(_line(run, sweep) for _, run in runs)
    writer.writerows(_of_ensemble(ensemble.run) for one in compared for ensemble in one.ensembles)
    return text.getvalue()


def _rank(pair: tuple[Comparison, RunRecord]) -> tuple[int, str, float]:
    one, run = pair
    value, sign = _scores(run).get(one.score), 1 if monitor_mode(one.score) == "min" else -1
    return STATES.index(run.state), one.data, math.inf if value is None else sign * value


def _job(run: RunRecord, sweep: Path | None) -> str:
    """Its number, or of any run its folder."""
    return run.folder.name.partition("_")[0] if sweep else str(run.folder)


def _line(run: RunRecord, sweep: Path | None) -> dict[str, Any]:
    failure = "" if run.state in STATES[:2] else run.failure or "ended without a word"
    verdict = f"pruned {run.failure}" if run.state == "pruned" else run.report.get("verdict")
    told = {"best_epoch": run.report.get("best_epoch"), "seconds": run.report.get("seconds"), **_scores(run)}
    return {"job": _job(run, sweep), **run.words, **told, "verdict": verdict, "failure": failure}


def _of_ensemble(run: RunRecord) -> dict[str, Any]:
    words = {key: word for key, word in run.words.items() if key != "seed"}
    return {"job": run.folder.name, **words, **run.scores, "verdict": run.epochs}


def _scores(run: RunRecord) -> dict[str, Any]:
    """Of a run that was pruned, those of its best epoch so far."""
    return best_scores(run.folder, str(run.settings["monitor"])) if run.state == "pruned" else run.scores


__all__ = ["summarise"]
