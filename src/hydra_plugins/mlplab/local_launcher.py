"""A launcher of the lab, where Hydra looks for it: it imports this file at each start, so nothing heavy here."""

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


class LocalLauncher(Launcher):
    """A process a job, so many at once: `hydra/launcher=submitit_local`. The plugin's own starts all at once, each with
    all cores as threads, hides the GPUs, and ends a job after an hour. The keys are those of conf/hydra/launcher/."""

    def __init__(
        self, at_once: int | None, threads: int | None, gpus: list[int] | None, timeout_min: int, submitit_folder: str
    ) -> None:
        self.at_once = at_once
        self.threads = threads
        self.gpus = gpus
        self.timeout_min = timeout_min
        self.submitit_folder = submitit_folder

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        self.known = {"hydra_context": hydra_context, "task_function": task_function, "config": config}

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        from hydra_plugins.hydra_submitit_launcher.submitit_launcher import LocalLauncher

        each = LocalLauncher()
        each.setup(**self.known)
        gpus = visible_gpus() if self.gpus is None else list(self.gpus)
        slots = Slots.divided(self.at_once, self.threads, gpus)
        return run_all(each, job_overrides, initial_job_idx, slots, self.submitit_folder, self.timeout_min)


PAUSE = 0.05  # s between looks at what has ended
PATIENCE = 20  # s for a job to write its checkpoint


@dataclass(frozen=True)
class Slots:
    """gpus: the number of that of each slot; none where there are none."""

    at_once: int
    threads: int
    gpus: tuple[int, ...] = ()

    @classmethod
    def divided(cls, at_once: int | None, threads: int | None, gpus: Sequence[int]) -> "Slots":
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        at_once = at_once or (len(gpus) if len(gpus) > 1 else cores)
        threads = threads or int(os.environ.get("OMP_NUM_THREADS", "0")) or max(1, cores // at_once)
        return cls(at_once, threads, tuple(gpus[slot % len(gpus)] for slot in range(at_once)) if gpus else ())


def visible_gpus() -> list[int]:
    """As many as CUDA_VISIBLE_DEVICES leaves, by their numbers; asked of the driver, as torch would take seconds."""
    given = os.environ.get("CUDA_VISIBLE_DEVICES")
    if given is not None:
        return [int(number) for number in given.split(",") if number.strip().isdigit()]
    if shutil.which("nvidia-smi") is None:
        return []
    said = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, check=False)
    return list(range(sum(line.startswith("GPU ") for line in said.stdout.splitlines())))


def run_all(
    each: Callable[..., JobReturn],
    jobs: Sequence[Sequence[str]],
    first: int,
    slots: Slots,
    folder: str,
    timeout_min: int,
) -> list[JobReturn]:
    """each: the plugin's launcher, called in the process of the job. Returns what each returned, in order; one whose
    process ended without is told, and returns nothing."""
    returns: dict[int, JobReturn] = {}
    running: dict[int, tuple[int, Any]] = {}  # by slot
    waiting = list(range(len(jobs)))
    began = time.monotonic()
    try:
        while waiting or running:
            for slot in [slot for slot, (_, job) in running.items() if job.done()]:
                number, job = running.pop(slot)
                returns[number] = _returned(job, jobs[number], first + number)
                if len(returns) == 1 and (
                    said := estimate_remaining(len(jobs), slots.at_once, time.monotonic() - began)
                ):
                    print(said, flush=True)
            for slot in [slot for slot in range(slots.at_once) if slot not in running][: len(waiting)]:
                number = waiting.pop(0)
                running[slot] = number, _start(each, jobs[number], first + number, slots, slot, folder, timeout_min)
            time.sleep(PAUSE)
    except BaseException:
        _stop([job for _, job in running.values()])
        raise
    return [returns[number] for number in range(len(jobs))]


def _start(
    each: Callable[..., JobReturn],
    words: Sequence[str],
    number: int,
    slots: Slots,
    slot: int,
    folder: str,
    timeout_min: int,
) -> Any:
    import submitit

    executor = submitit.LocalExecutor(folder=folder, max_num_timeout=0)
    gpu = {"gpus_per_node": 1, "visible_gpus": [slots.gpus[slot]]} if slots.gpus else {}
    executor.update_parameters(timeout_min=timeout_min, **gpu)
    with env_override({"OMP_NUM_THREADS": str(slots.threads)}):
        return executor.submit(each, list(words), "hydra.sweep.dir", number, f"#{number}", Singleton.get_state())


def _returned(job: Any, words: Sequence[str], number: int) -> JobReturn:
    for line in (job.stdout() or "").splitlines():
        if line.startswith("#"):
            print(line, flush=True)
    said = [line for line in (job.stderr() or "").splitlines() if line.startswith("mlplab: ")]
    for line in said:
        print(line, file=sys.stderr, flush=True)
    try:
        returned: JobReturn = job.results()[0]
        return returned
    except Exception as error:  # the process was killed, or could not begin
        reason = next((line for line in reversed(str(error).splitlines()) if line.strip()), type(error).__name__)
        if not said:
            print(f"mlplab: #{number}: its process ended: {reason}", file=sys.stderr, flush=True)
        return JobReturn(overrides=list(words), status=JobStatus.COMPLETED)


def _stop(jobs: Sequence[Any]) -> None:
    """Each keeps a checkpoint; they are waited for, so that none trains on behind the prompt."""
    for job in jobs:
        with suppress(OSError):
            os.kill(int(job.job_id), signal.SIGTERM)  # submitit's own way leaves a job one second
    end = time.monotonic() + PATIENCE
    while any(not job.done() for job in jobs) and time.monotonic() < end:
        time.sleep(PAUSE)
    for job in jobs:
        if not job.done():
            job.cancel(check=False)
