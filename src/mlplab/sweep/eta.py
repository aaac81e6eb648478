"""How long the rest of a sweep will take, printed after its first job."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

INTERVAL = 10.0  # s between lines
_started: list[float] = []


def mark_start() -> None:
    """Notes the start of the first job, its libraries imported: the next jobs need not wait for that."""
    _started[:] = [time.perf_counter()]


def estimate_remaining(num_jobs: int, parallel: int = 1, seconds: float | None = None) -> str:
    """Returns the text to print after the first job; empty if the other jobs end at about the same time.

    parallel: jobs that run at once. seconds: duration of the first job; None: since `mark_start` in this process.
    """
    rounds = math.ceil(num_jobs / parallel) - 1
    if rounds < 1 or (seconds is None and not _started):
        return ""
    seconds = rounds * (time.perf_counter() - _started[0] if seconds is None else seconds)
    others = f"{num_jobs - 1} jobs" if num_jobs > 2 else "job"
    at_once = f", {parallel} at once" if parallel > 1 else ""
    return f"about {format_duration(seconds)} for the other {others}{at_once}, if they are like the first"


def format_duration(seconds: float) -> str:
    """Returns at most two units: `40 s`, `3 min 20 s`, `2 h 5 min`."""
    whole = max(1, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min" + (f" {whole % 60} s" if whole % 60 and whole < 600 else "")
    return f"{whole // 3600} h" + (f" {whole % 3600 // 60} min" if whole % 3600 // 60 else "")


@dataclass(frozen=True)
class EstimatingTask:
    """Hydra's task function, which prints the estimate after job 0, in the process of that job. Launchers pickle it."""

    task_function: Callable[[DictConfig], Any]
    num_jobs: int
    parallel: int

    def __call__(self, config: DictConfig) -> Any:
        first = HydraConfig.get().job.num == 0
        returned = self.task_function(config)
        if first and (estimate := estimate_remaining(self.num_jobs, self.parallel)):
            print(estimate, flush=True)
        return returned


class StackProgress:
    """Prints every ten seconds how far a stack has trained."""

    def __init__(self, num_epochs: int) -> None:
        self.num_epochs = num_epochs
        self.started = self.printed = time.perf_counter()

    def update(self, epoch: int) -> None:
        now = time.perf_counter()
        if now - self.printed < INTERVAL or epoch == self.num_epochs:
            return
        self.printed = now
        remaining = (now - self.started) / epoch * (self.num_epochs - epoch)
        print(f"epoch {epoch}/{self.num_epochs} of the stack, about {format_duration(remaining)} left", flush=True)
