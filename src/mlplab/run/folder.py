"""Run folders on disk: find one, claim a new one, read its state and outcome. Imports nothing heavy."""

import json
import math
import os
import re
import shlex
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from mlplab.config.schema import monitor_mode
from mlplab.errors import UserError
from mlplab.trainer.history_file import best_row, read_history

# in the order in which tables list them; a new folder has no config.yaml
RunState = Literal["finished", "pruned", "failed", "half-done", "new"]
UNFINISHED: tuple[RunState, ...] = ("half-done", "new")
NO_REASON = "stopped without a message"
PRUNED_FILE = "pruned.txt"  # of a run that a search or a halving ended early: why, in one line
FAILURE_FILE = "failure.txt"  # of a run that failed: why, in one line
SWEEP_FILE = "sweep.json"
STOP_FILE = "stop.txt"  # while a sweep ends because a job failed: the number of that job

created_folders: list[Path] = []  # for the run of this process: its folder, then the parents that were created with it


@dataclass(frozen=True)
class Outcome:
    """scores: of the best epoch, with `best_epoch` and `epochs`, as far as there are any. reason: of an early end."""

    state: RunState
    scores: dict[str, Any]
    reason: str = ""


def find_run(run: str | Path, base: str | Path = "outputs") -> Path:
    """Returns a run folder, given its path, or `last` for the one below `base` with the newest config.yaml."""
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
    """Yields all run folders below `base`, those of sweeps too."""
    for folder, below, files in os.walk(Path(base).expanduser()):
        if "config.yaml" in files:
            below.clear()
            yield Path(folder)


def claim_folder(folder: Path, key: str) -> None:
    """Creates a folder. Raises UserError, which names `key`, where it exists."""
    created_folders[:] = [path for path in (folder, *folder.parents) if not os.path.lexists(path)]
    try:
        folder.mkdir(parents=True)
    except FileExistsError:
        resumable = "; sweep.resume=true resumes it" if (folder / SWEEP_FILE).exists() else ""
        raise UserError(f"{key}: {folder} exists already; name another, nothing is written over{resumable}") from None
    except OSError as error:
        release_folder()
        raise UserError(f"{key}: {folder} cannot be created ({error.strerror})") from error


def release_folder() -> None:
    """Removes the folders that were created for a run, as far as they are empty."""
    for folder in created_folders:
        with suppress(OSError):
            folder.rmdir()


def run_state(run: Path) -> RunState:
    """Returns the state of a run; a process that was killed before it wrote config.yaml leaves a new folder."""
    if (run / "scores.json").exists():  # the last file of a run
        return "finished"
    if (run / PRUNED_FILE).exists():
        return "pruned"
    if (run / FAILURE_FILE).exists():
        return "failed"
    return "half-done" if (run / "config.yaml").exists() else "new"


def state_text(state: RunState) -> str:
    """Returns a state as the table of compare shows it."""
    return "unfinished" if state in UNFINISHED else state


def read_outcome(run: Path, monitor: str) -> Outcome:
    """Returns the state, scores and reason of a run; monitor: the score that decides its best epoch."""
    state = run_state(run)
    if state == "finished":
        return Outcome(state, read_scores(run))
    reason = read_reason(run) or (NO_REASON if state in UNFINISHED else "")
    return Outcome(state, best_scores(run, monitor), reason)


def read_scores(run: Path) -> dict[str, Any]:
    """Reads scores.json. Raises UserError where it is damaged."""
    path = run / "scores.json"
    try:
        scores: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read as JSON ({error})") from error
    if not isinstance(scores, dict):
        raise UserError(f"{path}: holds no scores by name")
    return scores


def resume_command(run: Path) -> str:
    return f"python scripts/resume.py run={shlex.quote(str(run))}"


def read_reason(run: Path) -> str:
    """Returns in one line why a run was pruned or failed; empty where no file says so."""
    paths = [path for name in (PRUNED_FILE, FAILURE_FILE) if (path := run / name).exists()]
    texts = [" ".join(path.read_text(encoding="utf-8", errors="replace").split()) for path in paths]
    return next(filter(None, texts), "")


def best_scores(run: Path, monitor: str) -> dict[str, Any]:
    """Returns the scores of the best epoch so far of a run that has not finished; empty where no epoch has ended."""
    history = run / "history.csv"
    rows = read_history(history) if history.exists() else []
    rows = [*rows[:1], *(row for row in rows[1:] if math.isfinite(row[monitor]))]
    best = best_row(rows, monitor, monitor_mode(monitor))
    if best is None:
        return {}
    scores = {name: value for name, value in best.items() if "/" in name}
    return {**scores, "best_epoch": best["epoch"], "epochs": rows[-1]["epoch"], "seconds": rows[-1]["seconds"]}


def job_number(name: str) -> str:
    """Returns the number in its sweep of the job whose folder has this name."""
    return name.partition("_")[0]


def job_folder(sweep: Path, number: int) -> Path:
    """Returns the folder of a job, whatever its overrides are."""
    return next(sweep.glob(f"{number}_*"), sweep / str(number))


def job_folders(sweep: Path) -> dict[int, Path]:
    """Returns the folders of the jobs that have started, by number."""
    numbered = ((re.match(r"(\d+)_", path.name), path) for path in sweep.iterdir() if path.is_dir())
    return dict(sorted((int(number[1]), path) for number, path in numbered if number))


def ensemble_folders(sweep: Path) -> list[Path]:
    """Returns the folders of ensembles, which are not jobs."""
    return sorted(path.parent for path in sweep.glob("ensemble*/scores.json"))


def jobs_without_run(sweep: Path, jobs: Sequence[Sequence[str]]) -> dict[int, str]:
    """Returns by number the overrides of the planned jobs that have no run."""
    started = {number for number, run in job_folders(sweep).items() if (run / "config.yaml").exists()}
    return {
        number: " ".join(override for override in job if not override.startswith("sweep."))
        for number, job in enumerate(jobs)
        if number not in started
    }


def swept_keys(run: Path) -> list[str]:
    """Returns the keys in the name of a job's folder; none for a run outside a sweep."""
    return re.findall(r"(?:^\d+_|,)([a-z_][\w.]*)=", run.name)
