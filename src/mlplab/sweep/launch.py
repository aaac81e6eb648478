"""Launches the jobs of a sweep that have not finished, and again those that a killed process took down."""

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

PROCESS = "MLPLAB_SWEEP"  # environment variable of worker processes: the process number of their sweep
Launch = Callable[[Sequence[Sequence[str]], int], Sequence[JobReturn]]


def launch_jobs(launch: Launch, folder: Path, jobs: Sequence[Job], resume: bool | str | None = None) -> None:
    """Returns when every job has finished or failed, or was not started because of sweep.fail_fast.

    launch: the method of Hydra's launcher. resume: sweep.resume; "failed" launches failed jobs again.
    """

    def is_waiting(job: Job) -> bool:
        return run_state(folder / job.name) in UNFINISHED

    with lock_sweep(folder, jobs):
        if resume == "failed":
            for job in jobs:
                (folder / job.name / "failure.txt").unlink(missing_ok=True)
        launch_safely(launch, folder, [job for job in jobs if is_waiting(job)], is_waiting, new=not resume)
        _report_not_started(folder, jobs)


@contextmanager
def lock_sweep(folder: Path, jobs: Sequence[Job]) -> Iterator[None]:
    """Locks the folder against other processes while jobs are launched, writes sweep.json, and adds to the message of
    whatever ends the sweep how to resume it."""
    os.environ[PROCESS] = str(os.getpid())
    with lock_folder(folder):
        write_manifest(folder, jobs, sys.argv[1:])
        (folder / STOP_FILE).unlink(missing_ok=True)
        try:
            yield
        except Interrupted as stop:
            print(f"mlplab: stopped; {resume_hint(folder)}", file=sys.stderr)
            raise SystemExit(stop.code) from None
        except Exception as error:  # the border of the sweep: of any launcher, or of Hydra as it creates a job's folder
            raise RunError(f"{describe_error(error)}; {resume_hint(folder)}") from error


@contextmanager
def exit_with_sweep() -> Iterator[None]:
    """Exits after the job in a worker process whose sweep has been killed; joblib's would wait forever."""
    sweep = os.getppid()
    yield
    if os.environ.get(PROCESS) == str(sweep) and os.getppid() != sweep:
        os._exit(1)


def launch_safely(
    launch: Launch, folder: Path, jobs: Sequence[Job], is_waiting: Callable[[Job], bool], new: bool = False
) -> None:
    """Launches jobs together. If a worker is killed, all workers of its pool end and nothing says whose job was killed:
    the jobs that were running continue one at a time, where one that is killed again is known.

    new: Hydra itself names each folder as planned; a resumed job is launched into its earlier folder.
    """
    if not jobs:
        return
    try:
        _write_failures(folder, jobs, launch([job.overrides if new else _into_folder(job) for job in jobs], 0))
    except BrokenProcessPool:
        running = [job for job in jobs if run_state(folder / job.name) == "half-done"] or list(jobs[:1])
        numbers = ", ".join(job_number(job.name) for job in running)
        print(f"a process was killed; running jobs ({numbers}) continue one at a time, then the others", flush=True)
        for job in running:
            _launch_alone(launch, folder, job)
        launch_safely(launch, folder, [job for job in jobs if job not in running and is_waiting(job)], is_waiting)


def _launch_alone(launch: Launch, folder: Path, job: Job) -> None:
    try:
        _write_failures(folder, [job], launch([_into_folder(job)], 0))
    except BrokenProcessPool:
        _write_failure(folder, job, "its process was killed twice; is there enough memory?")


def _into_folder(job: Job) -> list[str]:
    return [*job.overrides, f"hydra.sweep.subdir='{job.name}'"]


def _write_failures(folder: Path, jobs: Sequence[Job], returned: Sequence[JobReturn]) -> None:
    """Writes failure.txt for jobs that failed before they could write it themselves."""
    for job, result in zip(jobs, returned, strict=True):
        if result.status == JobStatus.FAILED and run_state(folder / job.name) in UNFINISHED:
            _write_failure(folder, job, describe_error(job_error(result)))


def _write_failure(folder: Path, job: Job, reason: str) -> None:
    print(f"mlplab: #{job_number(job.name)}: {reason}", file=sys.stderr)
    (folder / job.name).mkdir(exist_ok=True)
    files.write(folder / job.name / "failure.txt", reason + "\n")


def _report_not_started(folder: Path, jobs: Sequence[Job]) -> None:
    if not (folder / STOP_FILE).exists():
        return
    waiting = [job_number(job.name) for job in jobs if run_state(folder / job.name) == "new"]
    reason = f"job {(folder / STOP_FILE).read_text().strip()} failed and sweep.fail_fast=true"
    (folder / STOP_FILE).unlink()
    if waiting:
        print(f"mlplab: {reason}: not started: {', '.join(waiting)}; {resume_hint(folder)}", file=sys.stderr)
