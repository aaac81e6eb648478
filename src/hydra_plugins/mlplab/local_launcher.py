"""`hydra/launcher=submitit_local`: one process per job on this machine. Hydra imports this file at each start."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from hydra.core.singleton import Singleton
from hydra.core.utils import JobReturn, JobStatus, env_override
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

from mlplab.sweep.eta import estimate_remaining

POLL_INTERVAL = 0.05  # s between checks of which jobs have ended
STOP_TIMEOUT = 20  # s for a job to write its checkpoint


class LocalLauncher(Launcher):
    """Runs a limited number of jobs at once, each with its part of the cores or with a GPU. The launcher of
    hydra-submitit-launcher starts all jobs at once, each with all cores as threads, hides the GPUs, and ends a job
    after an hour. The options are described in conf/hydra/launcher/submitit_local.yaml."""

    def __init__(
        self, at_once: int | None, threads: int | None, gpus: list[int] | None, timeout_min: int, submitit_folder: str
    ) -> None:
        self.at_once = at_once
        self.threads = threads
        self.gpus = gpus
        self.timeout_min = timeout_min
        self.submitit_folder = submitit_folder

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        self.setup_arguments = {
            "hydra_context": hydra_context,
            "task_function": task_function,
            "config": config,
        }

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        from hydra_plugins.hydra_submitit_launcher.submitit_launcher import LocalLauncher

        run_job = LocalLauncher()
        run_job.setup(**self.setup_arguments)
        gpus = visible_gpus() if self.gpus is None else list(self.gpus)
        pool = JobPool(run_job, Slots.create(self.at_once, self.threads, gpus), self.submitit_folder, self.timeout_min)
        return pool.run(job_overrides, initial_job_idx)


@dataclass(frozen=True)
class Slots:
    """at_once: number of slots. threads: of each. gpus: the GPU number of each slot; empty without GPUs."""

    at_once: int
    threads: int
    gpus: tuple[int, ...] = ()

    @classmethod
    def create(cls, at_once: int | None, threads: int | None, gpus: Sequence[int]) -> "Slots":
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        at_once = at_once or (len(gpus) if len(gpus) > 1 else cores)
        threads = threads or int(os.environ.get("OMP_NUM_THREADS", "0")) or max(1, cores // at_once)
        return cls(at_once, threads, tuple(gpus[slot % len(gpus)] for slot in range(at_once)) if gpus else ())


def visible_gpus() -> list[int]:
    """Returns the numbers of the GPUs that CUDA_VISIBLE_DEVICES allows; nvidia-smi counts them, as importing torch
    takes seconds."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return [int(number) for number in visible.split(",") if number.strip().isdigit()]
    if shutil.which("nvidia-smi") is None:
        return []
    listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, check=False)
    return list(range(sum(line.startswith("GPU ") for line in listed.stdout.splitlines())))


@dataclass(frozen=True)
class JobPool:
    """run_job: called in the process of a job. folder: where submitit writes the output of a process."""

    run_job: Callable[..., JobReturn]
    slots: Slots
    folder: str
    timeout_min: int

    def run(self, jobs: Sequence[Sequence[str]], first: int) -> list[JobReturn]:
        """Returns what each job returned, in order. first: the number of the first job."""
        results: dict[int, JobReturn] = {}
        running: dict[int, tuple[int, Any]] = {}  # by slot: the job's place and submitit's job
        waiting = list(range(len(jobs)))
        started = time.monotonic()
        try:
            while waiting or running:
                for slot in [slot for slot, (_, job) in running.items() if job.done()]:
                    place, job = running.pop(slot)
                    results[place] = _result(job, jobs[place], first + place)
                    seconds = time.monotonic() - started
                    if len(results) == 1 and (line := estimate_remaining(len(jobs), self.slots.at_once, seconds)):
                        print(line, flush=True)
                for slot in [slot for slot in range(self.slots.at_once) if slot not in running][: len(waiting)]:
                    place = waiting.pop(0)
                    running[slot] = place, self._start(jobs[place], first + place, slot)
                time.sleep(POLL_INTERVAL)
        finally:
            _stop([job for _, job in running.values()])
        return [results[place] for place in range(len(jobs))]

    def _start(self, overrides: Sequence[str], number: int, slot: int) -> Any:
        import submitit

        executor = submitit.LocalExecutor(folder=self.folder, max_num_timeout=0)
        gpu = {"gpus_per_node": 1, "visible_gpus": [self.slots.gpus[slot]]} if self.slots.gpus else {}
        executor.update_parameters(timeout_min=self.timeout_min, **gpu)
        state = Singleton.get_state()
        with env_override({"OMP_NUM_THREADS": str(self.slots.threads)}):
            return executor.submit(self.run_job, list(overrides), "hydra.sweep.dir", number, f"#{number}", state)


def _result(job: Any, overrides: Sequence[str], number: int) -> JobReturn:
    """Returns what an ended job returned; prints its lines. A job whose process died is reported and returns
    nothing."""
    for line in (job.stdout() or "").splitlines():
        if line.startswith("#"):
            print(line, flush=True)
    errors = [line for line in (job.stderr() or "").splitlines() if line.startswith("mlplab: ")]
    for line in errors:
        print(line, file=sys.stderr, flush=True)
    if (error := job.exception()) is None:
        returned: JobReturn = job.results()[0]
        return returned
    reason = next((line for line in reversed(str(error).splitlines()) if line.strip()), type(error).__name__)
    if not errors:
        print(f"mlplab: #{number}: its process ended: {reason}", file=sys.stderr, flush=True)
    return JobReturn(overrides=list(overrides), status=JobStatus.COMPLETED)


def _stop(jobs: Sequence[Any]) -> None:
    """Asks jobs to write a checkpoint and exit, and waits: none may train on after the command has ended."""
    for job in jobs:
        with suppress(OSError):
            os.kill(int(job.job_id), signal.SIGTERM)  # submitit's own way leaves a job one second
    deadline = time.monotonic() + STOP_TIMEOUT
    while any(not job.done() for job in jobs) and time.monotonic() < deadline:
        time.sleep(POLL_INTERVAL)
    for job in jobs:
        if not job.done():
            job.cancel(check=False)
