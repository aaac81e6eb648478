"""The jobs of a sweep are launched: those that are not done, and again those that a killed process took along."""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path

from hydra.core.utils import JobReturn, JobStatus

from mlplab import files
from mlplab.config.compose import job_error
from mlplab.config.messages import describe_error
from mlplab.errors import RunError
from mlplab.files import lock_folder
from mlplab.run.folder import STOP_FILE, UNFINISHED, job_number, run_state
from mlplab.signals import Interrupted
from mlplab.sweep.manifest import Job, resume_hint, write_manifest

PROCESS = "MLPLAB_SWEEP"  # in the environment of worker processes: the number of their sweep's
Launch = Callable[[Sequence[Sequence[str]], int], Sequence[JobReturn]]


def launch_jobs(launch: Launch, folder: Path, jobs: Sequence[Job], resume: bool | str | None = None) -> None:
    """launch: of Hydra's launcher. resume: as sweep.resume. Returns when each job has finished or failed, or was not
    begun because sweep.fail_fast stopped the sweep."""

    def waits(job: Job) -> bool:
        return run_state(folder / job.name) in UNFINISHED

    with lock_sweep(folder, jobs):
        if resume == "failed":
            for job in jobs:
                (folder / job.name / "failure.txt").unlink(missing_ok=True)
        stop_together(launch, folder, [job for job in jobs if waits(job)], waits, named=not resume)
        _tell_not_begun(folder, jobs)


@contextmanager
def lock_sweep(folder: Path, jobs: Sequence[Job]) -> Iterator[None]:
    """While jobs of a sweep are launched: no other process is in its folder, which says what they are; what ends it
    tells how it goes on."""
    os.environ[PROCESS] = str(os.getpid())
    with lock_folder(folder):
        write_manifest(folder, jobs, sys.argv[1:])
        (folder / STOP_FILE).unlink(missing_ok=True)
        try:
            yield
        except Interrupted as stop:
            print(f"mlplab: stopped; {resume_hint(folder)}", file=sys.stderr)
            raise SystemExit(stop.code) from None
        except Exception as error:  # of the launcher itself, or of Hydra, where it makes a job's folder
            raise RunError(f"{describe_error(error)}; {resume_hint(folder)}") from error


@contextmanager
def exit_with_sweep() -> Iterator[None]:
    """A worker process whose sweep was killed meanwhile finishes its job and ends: joblib's would wait for ever."""
    sweep = os.getppid()
    yield
    if os.environ.get(PROCESS) == str(sweep) and os.getppid() != sweep:
        os._exit(1)


def stop_together(
    launch: Launch, folder: Path, jobs: Sequence[Job], waits: Callable[[Job], bool], named: bool = False
) -> None:
    """A launcher's processes end with the first that is killed, and nothing says which that was: so those that were
    under way go on one at a time, where the one that is killed again is known.

    waits: whether a job is still to be launched. named: Hydra names each folder so."""
    if not jobs:
        return
    try:
        _keep_reasons(folder, jobs, launch([job.words if named else _words(job) for job in jobs], 0))
    except BrokenProcessPool:
        caught = [job for job in jobs if run_state(folder / job.name) == "half-done"] or list(jobs[:1])
        names = ", ".join(job_number(job.name) for job in caught)
        print(f"a process was killed; jobs under way ({names}) go on one at a time, then the others", flush=True)
        for job in caught:
            _alone(launch, folder, job)
        stop_together(launch, folder, [job for job in jobs if job not in caught and waits(job)], waits)


def _alone(launch: Launch, folder: Path, job: Job) -> None:
    try:
        _keep_reasons(folder, [job], launch([_words(job)], 0))
    except BrokenProcessPool:
        _failed(folder, job, "its process was killed twice: is there memory enough for it?")


def _keep_reasons(folder: Path, jobs: Sequence[Job], returned: Sequence[JobReturn]) -> None:
    """Of jobs that ended in an error before they could keep one themselves."""
    for job, one in zip(jobs, returned, strict=True):
        if one.status == JobStatus.FAILED and run_state(folder / job.name) in UNFINISHED:
            _failed(folder, job, describe_error(job_error(one)))


def _failed(folder: Path, job: Job, reason: str) -> None:
    print(f"mlplab: #{job_number(job.name)}: {reason}", file=sys.stderr)
    (folder / job.name).mkdir(exist_ok=True)
    files.write(folder / job.name / "failure.txt", reason + "\n")


def _words(job: Job) -> list[str]:
    return [*job.words, f"hydra.sweep.subdir='{job.name}'"]


def _tell_not_begun(folder: Path, jobs: Sequence[Job]) -> None:
    if not (folder / STOP_FILE).exists():
        return
    waiting = [job_number(job.name) for job in jobs if run_state(folder / job.name) == "new"]
    why = f"job {(folder / STOP_FILE).read_text().strip()} failed and sweep.fail_fast=true"
    (folder / STOP_FILE).unlink()
    if waiting:
        print(f"mlplab: {why}: not begun: {', '.join(waiting)}; {resume_hint(folder)}", file=sys.stderr)
