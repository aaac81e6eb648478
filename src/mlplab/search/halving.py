"""Successive halving: all jobs of a grid for few epochs, the best one in eta goes on for eta times as many, and so on.

A job that goes on does so from its checkpoint, so that its files are those of a run that was never stopped.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra import compose
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher
from omegaconf import DictConfig

from mlplab.command_line import resolve
from mlplab.limits import COUNT
from mlplab.mistake import Mistake
from mlplab.monitor import direction
from mlplab.search.outcome import folder_of, outcome
from mlplab.search.plan import ETA
from mlplab.words import parse

TARGET = "hydra_plugins.mlplab_search.Halving"
Jobs = Sequence[Sequence[str]]


@dataclass(frozen=True)
class Round:
    jobs: int
    epochs: int


def grid_of(config: DictConfig) -> list[list[str]]:
    """The jobs of a plain grid, in the sweeper's own order, so that the numbers of the jobs agree."""
    overrides = parse(config.hydra.overrides.task)
    for override in overrides:
        if override.is_sweep_override() and not override.is_discrete_sweep():
            raise Mistake(f"{override.input_line}: a grid has no end of it; search it by hydra/sweeper=tpe or random")
    jobs: list[list[str]] = BasicSweeper.split_arguments(overrides, None)[0]
    if not jobs:
        raise Mistake("a sweep over nothing: no choice has such a name")
    return jobs


def is_halving(config: DictConfig) -> bool:
    return bool(config.hydra.sweeper.get("_target_") == TARGET)


def rounds(num_jobs: int, epochs: int, eta: int, first: int | None = None) -> list[Round]:
    """The last one has the whole length."""
    if first is None:
        power = 0
        while eta ** (power + 1) <= min(num_jobs, epochs):
            power += 1
        first = math.ceil(epochs / eta**power)
    found = []
    while True:
        found.append(Round(num_jobs, min(first, epochs)))
        if first >= epochs:
            return found
        num_jobs, first = max(1, num_jobs // eta), first * eta


def planned(config: DictConfig, jobs: Jobs) -> str:
    """The rounds in words."""
    return ", then ".join(f"{this.jobs} to epoch {this.epochs}" for this in _rounds(config, jobs))


def _rounds(config: DictConfig, jobs: Jobs) -> list[Round]:
    """config: Hydra's of a sweep. Raises Mistake for what is wrong with it."""
    sweeper = config.hydra.sweeper
    for name, allowed in (("eta", ETA), ("first", COUNT)):
        if sweeper[name] is not None and not allowed.holds(sweeper[name]):
            raise Mistake(f"hydra.sweeper.{name}={sweeper[name]}: must be {allowed}")
    for override in parse(config.hydra.overrides.task):
        if override.key_or_group in ("trainer.max_epochs", "monitor") and override.is_sweep_override():
            raise Mistake(f"{override.input_line}: halving compares jobs that have it alike")
    epochs = resolve(compose("train", list(jobs[0]), return_hydra_config=True)).trainer.max_epochs
    if sweeper.first is not None and sweeper.first >= epochs:
        raise Mistake(f"hydra.sweeper.first={sweeper.first}: must be below trainer.max_epochs={epochs}")
    return rounds(len(jobs), epochs, sweeper.eta, sweeper.first)


def halve(config: DictConfig, jobs: Jobs, launcher: Launcher) -> list[Sequence[JobReturn]]:
    folder, left = Path(config.hydra.sweep.dir), list(range(len(jobs)))
    returns = []
    for this in _rounds(config, jobs):
        left = _best(folder, left, this.jobs, config.monitor)
        due = [number for number in left if _epochs(folder, number, config.monitor) < this.epochs]
        if due:
            said = [[*jobs[number], *_own(number, this.epochs)] for number in due]
            returns.append(launcher.launch(said, initial_job_idx=due[0]))
    return returns


def _best(folder: Path, numbers: list[int], count: int, monitor: str) -> list[int]:
    """The first of those alike; those that failed only where no others are left."""
    if len(numbers) <= count:
        return numbers
    sign = 1 if direction(monitor) == "min" else -1

    def rank(number: int) -> tuple[bool, float]:
        found = outcome(folder_of(folder, number), monitor)
        return found.state == "failed" or not found.scores, sign * found.scores.get(monitor, 0.0)

    return sorted(sorted(numbers, key=rank)[:count])


def _epochs(folder: Path, number: int, monitor: str) -> float:
    """Of a job that has ended, more than any round has."""
    found: Any = outcome(folder_of(folder, number), monitor)
    return float("inf") if found.state in ("finished", "failed") else found.scores.get("epochs", 0)


def _own(number: int, epochs: int) -> tuple[str, str]:
    name = f"{number}_${{folder_name:${{hydra.job.override_dirname}}}}"
    return f"hydra.sweeper.until={epochs}", f"hydra.sweep.subdir='{name}'"
