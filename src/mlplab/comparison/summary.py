"""Writes the comparison at the end of a sweep or on request: console, sweep.csv, sweep.html and its pictures."""

import csv
import io
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

from mlplab import files
from mlplab.comparison.comparison import Comparison, group_runs, rank_key
from mlplab.comparison.configuration import SEED_KEYS
from mlplab.comparison.text import (
    ENSEMBLES,
    best_ensemble,
    best_ensemble_text,
    comparison_table,
    conclusion_text,
    ensemble_gains,
    footer_text,
)
from mlplab.report.text import count_noun, format_table
from mlplab.run.folder import (
    NO_REASON,
    UNFINISHED,
    RunState,
    best_scores,
    ensemble_folders,
    job_folders,
    job_number,
    jobs_without_run,
)
from mlplab.run.record import RunRecord, read_record

LIMIT = 20  # rows of the table on the console
STATES = get_args(RunState)  # in the order of sweep.csv


def summarise(folder: Path, jobs: Sequence[Sequence[str]], picture: bool = True) -> int:
    """Compares the runs of a sweep and returns how many jobs failed. jobs: the overrides of each."""
    missing = jobs_without_run(folder, jobs)
    runs = [run for path in run_folders(folder) if (run := read_record(path))]
    lines = [f"job {number} ({overrides}) was not started" for number, overrides in missing.items()]
    write_comparison(runs, folder, lines, picture=picture, sweep=folder)
    return len(missing) + sum(run.state not in STATES[:2] for run in runs)


def run_folders(sweep: Path) -> list[Path]:
    """Returns the jobs that were started, and the ensembles."""
    started = [folder for folder in job_folders(sweep).values() if (folder / "config.yaml").exists()]
    return [*started, *ensemble_folders(sweep)]


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
    """Prints one table per dataset and writes the files into `folder`, if there is one.

    missing: lines on jobs without a run. sort: the score that ranks. tests: show test scores. sweep: the folder whose
    jobs the runs are.
    """
    comparisons = group_runs(runs, sort)
    for comparison in comparisons:
        print(f"\n{_console_text(comparison, limit, tests, titled=len(comparisons) > 1)}")
    problems = [*(line for run in runs if (line := _problem(run, sweep))), *missing]
    print("\n".join(["", *problems]) if problems else "")
    if folder is None:
        return
    files.write(folder / "sweep.csv", _csv(comparisons, sweep))
    print(f"table     {folder / 'sweep.csv'}")
    if picture and any(comparison.best for comparison in comparisons):
        _write_page(folder, comparisons, problems, tests, sweep)
        print(f"page      {folder / 'sweep.html'}, its pictures in {folder / 'pictures'}")
    for comparison in comparisons:
        if best := best_ensemble(comparison):
            print(f"ensemble  {best.run.folder}")
    if sweep:
        print(f"curves    tensorboard --logdir {sweep}")


def _write_page(
    folder: Path, comparisons: Sequence[Comparison], problems: Sequence[str], tests: bool, sweep: Path | None
) -> None:
    from mlplab.comparison.page import KINDS, build_figures, comparison_page  # imports matplotlib

    panels = {place: build_figures(comparison) for place, comparison in enumerate(comparisons)}
    (folder / "pictures").mkdir(exist_ok=True)
    for old in (folder / "pictures").glob("*.png"):
        if old.stem.startswith(KINDS):
            old.unlink()
    for place, drawn in panels.items():
        for panel in drawn:
            number = f"_{place + 1}" if len(comparisons) > 1 else ""
            files.write(folder / "pictures" / f"{panel.name}{number}.png", panel.png())
    title = f"Sweep {sweep.name}" if sweep else "Comparison of runs"
    page = comparison_page(title, comparisons, panels, problems, _commands(comparisons, sweep), tests)
    files.write(folder / "sweep.html", page)


def _commands(comparisons: Sequence[Comparison], sweep: Path | None) -> list[str]:
    best = [comparison.best.finished[0].folder for comparison in comparisons if comparison.best]
    commands = [f"python scripts/report.py run={shlex.quote(str(run))}" for run in best]
    if sweep:
        quoted = shlex.quote(str(sweep))
        commands += [f"python scripts/compare.py sweep={quoted}", f"tensorboard --logdir {quoted}"]
    return commands


def _console_text(comparison: Comparison, limit: int, tests: bool, titled: bool) -> str:
    header, rows = comparison_table(comparison, limit, tests)
    shown = f", of which {limit} are shown" if limit and limit < len(comparison.configurations) else ""
    counted = count_noun(len(comparison.configurations), "configuration")
    head = [f"{comparison.data}: {counted}{shown}, best {comparison.score} first"] if titled or shown else []
    lines = [*head, format_table(header, rows), *footer_text(comparison, tests), "", *conclusion_text(comparison)]
    if comparison.ensembles:
        lines += ["", ENSEMBLES, format_table(*ensemble_gains(comparison, tests)), "", *best_ensemble_text(comparison)]
    return "\n".join(lines)


def _problem(run: RunRecord, sweep: Path | None) -> str:
    """Returns why a run has no scores; empty for one that has."""
    name = f"job {_job(run, sweep)}" if sweep else str(run.folder)
    if run.state == "failed":
        return f"{name} failed: {run.failure or NO_REASON}"
    return f"{name} has not finished: {run.epochs} epochs" if run.state in UNFINISHED else ""


def _csv(comparisons: Sequence[Comparison], sweep: Path | None) -> str:
    """Returns one row per run: best first, then pruned runs, then those without scores.

    Test scores are left out, as selecting by them makes them no estimate.
    """
    runs = sorted(((comparison, run) for comparison in comparisons for run in comparison.runs), key=_rank)
    keys = dict.fromkeys(key for comparison in comparisons for key in comparison.columns)
    keys |= {seed: None for seed in SEED_KEYS if len({run.overrides.get(seed) for _, run in runs}) > 1}
    names = dict.fromkeys(name for _, run in runs for name in _scores(run) if name.endswith("/val"))
    scores = dict.fromkeys([*(comparison.score for comparison in comparisons), "loss/val", "loss/train", *names])
    columns = ["job", *keys, *scores, "best_epoch", "seconds", "verdict", "failure"]
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(_run_row(run, sweep) for _, run in runs)
    writer.writerows(_ensemble_row(ensemble.run) for comparison in comparisons for ensemble in comparison.ensembles)
    return text.getvalue()


def _rank(pair: tuple[Comparison, RunRecord]) -> tuple[int, str, float]:
    comparison, run = pair
    value = rank_key(comparison.score, _scores(run).get(comparison.score))
    return STATES.index(run.state), comparison.data, value


def _job(run: RunRecord, sweep: Path | None) -> str:
    """Returns the number of a job; the folder of a run outside a sweep."""
    return job_number(run.folder.name) if sweep else str(run.folder)


def _run_row(run: RunRecord, sweep: Path | None) -> dict[str, Any]:
    facts = {"best_epoch": run.report.get("best_epoch"), "seconds": run.report.get("seconds"), **_scores(run)}
    verdict = f"pruned {run.failure}" if run.state == "pruned" else run.report.get("verdict")
    failure = "" if run.state in STATES[:2] else run.failure or NO_REASON
    return {"job": _job(run, sweep), **run.overrides, **facts, "verdict": verdict, "failure": failure}


def _ensemble_row(run: RunRecord) -> dict[str, Any]:
    overrides = {key: value for key, value in run.overrides.items() if key != "seed"}
    return {"job": run.folder.name, **overrides, **run.scores, "verdict": run.epochs}


def _scores(run: RunRecord) -> dict[str, Any]:
    """Returns the scores of a run; of a pruned run those of its best epoch so far."""
    return best_scores(run.folder, str(run.config["monitor"])) if run.state == "pruned" else run.scores
