"""Successive halving: all jobs of a grid for few epochs, the best one in eta goes on for eta times as many, and so on.

A job that goes on does so from its checkpoint, so that its files are those of a run that was never stopped.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from hydra import compose
from hydra.plugins.launcher import Launcher
from omegaconf import DictConfig

from mlplab import files
from mlplab.config.compose import grid_overrides, parse_overrides
from mlplab.config.configure import resolve
from mlplab.config.schema import COUNT, ETA, monitor_mode
from mlplab.errors import UserError
from mlplab.run.folder import UNFINISHED, read_outcome, run_state
from mlplab.sweep.launch import lock_sweep, stop_together
from mlplab.sweep.manifest import Job

TARGET = "hydra_plugins.mlplab.sweepers.HalvingSweeper"


def grid_jobs(config: DictConfig) -> list[list[str]]:
    """The jobs of a plain grid, in the sweeper's own order, so that the numbers of the jobs agree."""
    overrides = parse_overrides(config.hydra.overrides.task)
    for override in overrides:
        if override.is_sweep_override() and not override.is_discrete_sweep():
            raise UserError(f"{override.input_line}: a grid has no end of it; search it by hydra/sweeper=tpe or random")
    jobs = grid_overrides(overrides)
    if not jobs:
        raise UserError("a sweep over nothing: no choice has such a name")
    return jobs


def is_halving(config: DictConfig) -> bool:
    return bool(config.hydra.sweeper.get("_target_") == TARGET)


@dataclass(frozen=True)
class Round:
    jobs: int
    epochs: int


def plan_rounds(config: DictConfig, jobs: Sequence[Sequence[str]]) -> list[Round]:
    """config: Hydra's of a sweep. jobs: the words of each. Raises Mistake for what is wrong with it."""
    sweeper = config.hydra.sweeper
    for name, allowed in (("eta", ETA), ("first", COUNT)):
        if sweeper[name] is not None and not allowed.holds(sweeper[name]):
            raise UserError(f"hydra.sweeper.{name}={sweeper[name]}: must be {allowed}")
    for override in parse_overrides(config.hydra.overrides.task):
        if override.key_or_group in ("trainer.max_epochs", "monitor") and override.is_sweep_override():
            raise UserError(f"{override.input_line}: halving compares jobs that have it alike")
    epochs = resolve(compose("train", list(jobs[0]), return_hydra_config=True)).trainer.max_epochs
    if sweeper.first is not None and sweeper.first >= epochs:
        raise UserError(f"hydra.sweeper.first={sweeper.first}: must be below trainer.max_epochs={epochs}")
    return halving_rounds(len(jobs), epochs, sweeper.eta, sweeper.first)


def run_halving(config: DictConfig, jobs: Sequence[Job], launcher: Launcher) -> None:
    """Launch what is left of each round. A sweep that goes on takes the record of those that had begun."""
    folder, monitor = Path(config.hydra.sweep.dir), config.monitor
    with lock_sweep(folder, jobs):
        record = read_halving(folder) or HalvingRecord(plan_rounds(config, [job.words for job in jobs]))
        for place, this in enumerate(record.rounds):
            if place == len(record.begun):
                last = record.begun[-1] if record.begun else list(range(len(jobs)))
                record.begun.append(_best(folder, jobs, last, this.jobs, monitor))
                record.keep(folder)

            def waits(job: Job, epochs: int = this.epochs) -> bool:
                return _waits(folder / job.name, epochs, monitor)

            until = f"hydra.sweeper.until={this.epochs}"
            due = [job for job in (jobs[number] for number in record.stays(place)) if waits(job)]
            stop_together(launcher.launch, folder, [replace(job, words=[*job.words, until]) for job in due], waits)


def _best(folder: Path, jobs: Sequence[Job], numbers: list[int], count: int, monitor: str) -> list[int]:
    """The first of those alike; those that did not come to the end of their round only where no others are left."""
    if len(numbers) <= count:
        return numbers
    sign = 1 if monitor_mode(monitor) == "min" else -1

    def rank(number: int) -> tuple[bool, float]:
        found = read_outcome(folder / jobs[number].name, monitor)
        fell = found.state in ("failed", "unfinished") or not found.scores
        return fell, sign * found.scores.get(monitor, 0.0)

    return sorted(sorted(numbers, key=rank)[:count])


def _waits(run: Path, epochs: int, monitor: str) -> bool:
    """Whether a job has still to train up to an epoch."""
    found = run_state(run)
    return found in UNFINISHED or (found == "pruned" and read_outcome(run, monitor).scores.get("epochs", 0) < epochs)


ROUNDS_FILE = "rounds.json"


def halving_rounds(num_jobs: int, epochs: int, eta: int, first: int | None = None) -> list[Round]:
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


@dataclass(frozen=True)
class HalvingRecord:
    """begun: of each round that has, the numbers of its jobs. What was decided once stands, whatever the jobs' files
    say by now: of those that went on, some are further than the others."""

    rounds: list[Round]
    begun: list[list[int]] = field(default_factory=list)

    def stays(self, place: int) -> list[int]:
        """The jobs of a round that are in no later one, as far as that is known."""
        later = self.begun[place + 1] if place + 1 < len(self.begun) else []
        return [number for number in self.begun[place] if number not in later]

    def keep(self, folder: Path) -> None:
        held = {"rounds": [[one.jobs, one.epochs] for one in self.rounds], "begun": self.begun}
        files.write(folder / ROUNDS_FILE, json.dumps(held) + "\n")


def format_rounds(rounds: Sequence[Round]) -> str:
    return ", then ".join(f"{one.jobs} to epoch {one.epochs}" for one in rounds)


def read_halving(folder: Path) -> HalvingRecord | None:
    """None where there is none."""
    path = folder / ROUNDS_FILE
    if not path.exists():
        return None
    try:
        held = json.loads(path.read_text())
        return HalvingRecord(
            [Round(jobs, epochs) for jobs, epochs in held["rounds"]], [list(one) for one in held["begun"]]
        )
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path}: cannot be read; name another sweep by sweep.name=") from error


def check_same_rounds(folder: Path, now: Sequence[Round] | None, begun: bool) -> None:
    """Raises Mistake where a sweep that goes on was no halving into these rounds, or, with None, was one. begun:
    whether it has a job that was; without, it may become either."""
    then = read_halving(folder)
    if now is None:
        if then is not None:
            raise UserError(
                f"sweep.resume: {folder} is a halving ({format_rounds(then.rounds)}): give sweep.halving=true too"
            )
        return
    if then is None and begun:
        raise UserError(f"sweep.resume: {folder} is no halving: leave out sweep.halving=true")
    if then is not None and then.rounds != list(now):
        changed = f"its rounds were {format_rounds(then.rounds)}, would be {format_rounds(now)}"
        raise UserError(f"sweep.resume: {folder}: {changed}: a halving does not change; give another sweep.name")
