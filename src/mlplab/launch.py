"""The jobs of a sweep are launched: those that are not done, and again those that a killed process took along."""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mlplab import atomic
from mlplab.grid import STOP, Job, keep, remedy, state
from mlplab.lock import held
from mlplab.signals import Interrupted

PROCESS = "MLPLAB_SWEEP"  # in the environment of worker processes: the number of their sweep's
Launch = Callable[[Sequence[Sequence[str]], int], Any]


def launch_all(launch: Launch, folder: Path, jobs: Sequence[Job], retry: bool = False) -> None:
    """launch: of Hydra's launcher. retry: failed jobs too. Returns when each job has finished or failed, or was not
    begun because sweep.fail_fast stopped the sweep."""
    os.environ[PROCESS] = str(os.getpid())
    with held(folder):
        keep(folder, jobs, sys.argv[1:])
        (folder / STOP).unlink(missing_ok=True)
        if retry:
            for job in jobs:
                (folder / job.name / "failure.txt").unlink(missing_ok=True)
        try:
            _together(launch, folder, [job for job in jobs if state(folder / job.name) in ("half-done", "new")])
        except Interrupted as stop:
            print(f"mlplab: stopped; {remedy(folder)}", file=sys.stderr)
            raise SystemExit(stop.code) from None
        _tell_not_begun(folder, jobs)


@contextmanager
def leaving_with_its_sweep() -> Iterator[None]:
    """A worker process whose sweep was killed meanwhile finishes its job and ends: joblib's would wait for ever."""
    sweep = os.getppid()
    yield
    if os.environ.get(PROCESS) == str(sweep) and os.getppid() != sweep:
        os._exit(1)


def _together(launch: Launch, folder: Path, jobs: Sequence[Job]) -> None:
    """A launcher's processes end with the first that is killed, and nothing says which that was: so those that were
    under way go on one at a time, where the one that is killed again is known."""
    if not jobs:
        return
    try:
        launch([_words(job) for job in jobs], 0)
    except BrokenProcessPool:
        caught = [job for job in jobs if state(folder / job.name) == "half-done"] or list(jobs[:1])
        names = ", ".join(_number(job) for job in caught)
        print(f"a process was killed; jobs under way ({names}) go on one at a time, then the others", flush=True)
        for job in caught:
            _alone(launch, folder, job)
        _together(launch, folder, [job for job in jobs if job not in caught and state(folder / job.name) == "new"])


def _alone(launch: Launch, folder: Path, job: Job) -> None:
    try:
        launch([_words(job)], 0)
    except BrokenProcessPool:
        run = folder / job.name
        run.mkdir(exist_ok=True)
        atomic.write(run / "failure.txt", "its process was killed twice: is there memory enough for it?\n")
        print(f"mlplab: #{_number(job)}: its process was killed twice", file=sys.stderr)


def _words(job: Job) -> list[str]:
    return [*job.words, f"hydra.sweep.subdir='{job.name}'"]


def _number(job: Job) -> str:
    return job.name.partition("_")[0]


def _tell_not_begun(folder: Path, jobs: Sequence[Job]) -> None:
    if not (folder / STOP).exists():
        return
    waiting = [_number(job) for job in jobs if state(folder / job.name) == "new"]
    why = f"job {(folder / STOP).read_text().strip()} failed and sweep.fail_fast=true"
    (folder / STOP).unlink()
    if waiting:
        print(f"mlplab: {why}: not begun: {', '.join(waiting)}; {remedy(folder)}", file=sys.stderr)
