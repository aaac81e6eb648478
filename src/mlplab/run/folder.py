"""What came of a job, as its folder tells: finished, pruned or failed. Imports nothing heavy."""

import csv
import json
import math
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from mlplab.config.schema import monitor_mode
from mlplab.errors import UserError

NO_REASON = "ended without a word"
RunState = Literal["finished", "pruned", "failed", "half-done", "new"]


def run_state(run: Path) -> RunState:
    """A folder without config.yaml is one whose process was killed before it knew what to do."""
    if (run / "scores.json").exists():  # the last file of a run
        return "finished"
    if (run / PRUNED_FILE).exists():
        return "pruned"
    if (run / "failure.txt").exists():
        return "failed"
    return "half-done" if (run / "config.yaml").exists() else "new"


@dataclass(frozen=True)
class Outcome:
    """scores: of the best epoch, with `best_epoch` and `epochs`, as far as there are any. reason: of an early end."""

    state: Literal["finished", "pruned", "failed", "unfinished"]
    scores: dict[str, Any]
    reason: str = ""


def job_folder(sweep: Path, number: int) -> Path:
    """That of a job, whatever its overrides are."""
    return next(sweep.glob(f"{number}_*"), sweep / str(number))


def read_outcome(run: Path, monitor: str) -> Outcome:
    scores, pruned, failure = run / "scores.json", run / PRUNED_FILE, run / "failure.txt"
    if scores.exists():
        return Outcome("finished", json.loads(scores.read_text()))
    if pruned.exists():
        return Outcome("pruned", best_scores(run, monitor), pruned.read_text().strip())
    if failure.exists():
        return Outcome("failed", best_scores(run, monitor), failure.read_text().strip())
    return Outcome("unfinished", best_scores(run, monitor), NO_REASON)


def best_scores(run: Path, monitor: str) -> dict[str, Any]:
    """Of a run that has not finished: the row of its best epoch. Nothing where no epoch has ended."""
    history = run / "history.csv"
    rows = [row for row in _rows(history)[1:] if math.isfinite(row[monitor])] if history.exists() else []
    if not rows:
        return {}
    sign = 1 if monitor_mode(monitor) == "min" else -1
    best = min(rows, key=lambda row: sign * row[monitor])
    kept = {name: value for name, value in best.items() if "/" in name}
    last = rows[-1]
    return {**kept, "best_epoch": int(best["epoch"]), "epochs": int(last["epoch"]), "seconds": last["seconds"]}


def _rows(history: Path) -> list[dict[str, float]]:
    """The last line may have been cut short."""
    with open(history, newline="") as file:
        lines = [line for line in file if line.endswith("\n")]
    return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(lines)]


created_folders: list[Path] = []  # for the run of this process: its folder, then those above it that were not there


def claim_folder(folder: Path, key: str) -> None:
    """Make a folder that must be new."""
    created_folders[:] = [path for path in (folder, *folder.parents) if not os.path.lexists(path)]
    try:
        folder.mkdir(parents=True)
    except FileExistsError:
        going_on = "; sweep.resume=true goes on with it" if (folder / SWEEP_FILE).exists() else ""
        raise UserError(f"{key}: {folder} exists already; name another, nothing is written over{going_on}") from None
    except OSError as error:
        release_folder()
        raise UserError(f"{key}: {folder} cannot be made ({error.strerror})") from error


def release_folder() -> None:
    """Remove the folders that were made for a run, as far as they are empty."""
    for folder in created_folders:
        with suppress(OSError):
            folder.rmdir()


SWEEP_FILE = "sweep.json"
STOP_FILE = "stop.txt"  # while a sweep comes to its end because a job failed: the number of that job
UNFINISHED: tuple[RunState, ...] = ("half-done", "new")


def job_number(name: str) -> str:
    """In its sweep, of a job whose folder is named so."""
    return name.partition("_")[0]


PRUNED_FILE = "pruned.txt"  # of a run that a search ended early: why, in one line


def find_run(run: str | Path, base: str | Path = "outputs") -> Path:
    """A run folder: its path, or the word `last` for the one below `base` with the newest config.yaml."""
    if run == "last":
        found = list(iter_runs(base))
        if not found:
            raise UserError(f"run=last: there is no run below {base}; train one, or give the path of a run folder")
        return max(found, key=lambda folder: ((folder / "config.yaml").stat().st_mtime_ns, str(folder)))
    folder = Path(run).expanduser()
    if not folder.is_dir():
        raise UserError(f"run={run}: no such folder; give a run folder, or run=last for the newest below {base}")
    if not (folder / "config.yaml").is_file():
        inside = next(iter_runs(folder), None)
        hint = f"; it holds runs, such as {inside}" if inside else ""
        raise UserError(f"run={run}: this folder is no run, it has no config.yaml{hint}")
    return folder


def iter_runs(base: str | Path) -> Iterator[Path]:
    """All run folders below `base`, those of sweeps too."""
    for folder, below, files in os.walk(Path(base).expanduser()):
        if "config.yaml" in files:
            below.clear()
            yield Path(folder)


def job_folders(sweep: Path) -> dict[int, Path]:
    """The folders of the jobs that have begun, by number."""
    numbered = ((re.match(r"(\d+)_", path.name), path) for path in sweep.iterdir() if path.is_dir())
    return dict(sorted((int(number[1]), path) for number, path in numbered if number))


def finished_jobs(sweep: Path) -> dict[int, Path]:
    """Those that have written their last file."""
    return {number: run for number, run in job_folders(sweep).items() if (run / "scores.json").exists()}


def ensemble_folders(sweep: Path) -> list[Path]:
    """The folders of ensembles, which are no jobs."""
    return sorted(path.parent for path in sweep.glob("ensemble*/scores.json"))


def jobs_without_run(sweep: Path, jobs: Sequence[Sequence[str]]) -> dict[int, str]:
    """Planned jobs of which there is no run at all, with what each would have been."""
    begun = {number for number, run in job_folders(sweep).items() if (run / "config.yaml").exists()}
    names = {n: " ".join(word for word in job if not word.startswith("sweep.")) for n, job in enumerate(jobs)}
    return {number: words for number, words in names.items() if number not in begun}


def swept_keys(run: Path) -> list[str]:
    """The keys that a job's folder is named by; none of a run that is no job."""
    return re.findall(r"(?:^\d+_|,)([a-z_][\w.]*)=", run.name)
