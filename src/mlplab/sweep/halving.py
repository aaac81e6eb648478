"""Successive halving: all jobs of a grid for a few epochs, the best one in eta for eta times as many, and so on.

A job resumes from its checkpoint in each round, so that its files are those of a run that was never interrupted.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from hydra.plugins.launcher import Launcher
from omegaconf import DictConfig

from mlplab import files
from mlplab.comparison.comparison import rank_key
from mlplab.config.compose import compose_run, grid_overrides, parse_overrides
from mlplab.config.configure import resolve
from mlplab.config.schema import COUNT, ETA
from mlplab.errors import UserError
from mlplab.run.folder import UNFINISHED, read_outcome, run_state
from mlplab.sweep.launch import launch_safely, lock_sweep
from mlplab.sweep.manifest import Job, damage_reported

ROUNDS_FILE = "rounds.json"


def grid_jobs(arguments: Sequence[str]) -> list[list[str]]:
    """Returns the overrides of each job of a grid, in the order of Hydra's basic sweeper."""
    overrides = parse_overrides(arguments)
    for override in overrides:
        if override.is_sweep_override() and not override.is_discrete_sweep():
            raise UserError(
                f"{override.input_line}: a grid needs single values; search an interval by hydra/sweeper=tpe or random"
            )
    jobs = grid_overrides(overrides)
    if not jobs:
        raise UserError("the sweep has no jobs: no choice has such a name")
    return jobs


@dataclass(frozen=True)
class Round:
    jobs: int
    epochs: int


def plan_rounds(sweeper: DictConfig, jobs: Sequence[Sequence[str]], arguments: Sequence[str]) -> list[Round]:
    """Returns the rounds of a halving. sweeper: the keys of `hydra.sweeper`. jobs: the overrides of each. arguments: of
    the command line. Raises UserError for invalid options."""
    for name, allowed in (("eta", ETA), ("first", COUNT)):
        if sweeper[name] is not None and not allowed.holds(sweeper[name]):
            raise UserError(f"hydra.sweeper.{name}={sweeper[name]}: must be {allowed}")
    for override in parse_overrides(arguments):
        if override.key_or_group in ("trainer.max_epochs", "monitor") and override.is_sweep_override():
            raise UserError(f"{override.input_line}: must be the same for all jobs of a halving")
    epochs = resolve(compose_run(jobs[0])).trainer.max_epochs
    if sweeper.first is not None and sweeper.first >= epochs:
        raise UserError(f"hydra.sweeper.first={sweeper.first}: must be below trainer.max_epochs={epochs}")
    return halving_rounds(len(jobs), epochs, sweeper.eta, sweeper.first)


def halving_rounds(num_jobs: int, epochs: int, eta: int, first: int | None = None) -> list[Round]:
    """first: epochs of the first round; None: as few as make the last round train all epochs."""
    if first is None:
        power = 0
        while eta ** (power + 1) <= min(num_jobs, epochs):
            power += 1
        first = math.ceil(epochs / eta**power)
    rounds = []
    while True:
        rounds.append(Round(num_jobs, min(first, epochs)))
        if first >= epochs:
            return rounds
        num_jobs, first = max(1, num_jobs // eta), first * eta


def format_rounds(rounds: Sequence[Round]) -> str:
    return ", then ".join(f"{one.jobs} to epoch {one.epochs}" for one in rounds)


def run_halving(folder: Path, jobs: Sequence[Job], rounds: Sequence[Round], monitor: str, launcher: Launcher) -> None:
    """Launches what remains of each round. A resumed sweep keeps the recorded choice of the rounds that have
    started."""
    with lock_sweep(folder, jobs):
        record = read_halving(folder) or HalvingRecord(list(rounds))
        for place, current in enumerate(record.rounds):
            if place == len(record.begun):
                previous = record.begun[-1] if record.begun else list(range(len(jobs)))
                record.begun.append(_best(folder, jobs, previous, current.jobs, monitor))
                record.write(folder)

            def is_waiting(job: Job, epochs: int = current.epochs) -> bool:
                return _is_waiting(folder / job.name, epochs, monitor)

            until = f"hydra.sweeper.until={current.epochs}"
            waiting = [job for job in (jobs[number] for number in record.last_round_jobs(place)) if is_waiting(job)]
            launch_safely(
                launcher.launch,
                folder,
                [replace(job, overrides=[*job.overrides, until]) for job in waiting],
                is_waiting,
            )


def _best(folder: Path, jobs: Sequence[Job], numbers: list[int], count: int, monitor: str) -> list[int]:
    """Returns the numbers of the best jobs; of equal ones the first. A job that did not reach the end of its round is
    taken only if there are no others."""
    if len(numbers) <= count:
        return numbers

    def rank(number: int) -> tuple[bool, float]:
        outcome = read_outcome(folder / jobs[number].name, monitor)
        incomplete = outcome.state in ("failed", *UNFINISHED) or not outcome.scores
        return incomplete, rank_key(monitor, outcome.scores.get(monitor))

    return sorted(sorted(numbers, key=rank)[:count])


def _is_waiting(run: Path, epochs: int, monitor: str) -> bool:
    """Returns whether a job has still to train up to an epoch."""
    state = run_state(run)
    return state in UNFINISHED or (state == "pruned" and read_outcome(run, monitor).scores.get("epochs", 0) < epochs)


@dataclass(frozen=True)
class HalvingRecord:
    """begun: the numbers of the jobs of each round that has started. The choice is final: on resume the files of the
    jobs no longer show it, as the chosen ones have trained further."""

    rounds: list[Round]
    begun: list[list[int]] = field(default_factory=list)

    def last_round_jobs(self, place: int) -> list[int]:
        """Returns the jobs of a round that are, as far as is known, not in the next one."""
        following = self.begun[place + 1] if place + 1 < len(self.begun) else []
        return [number for number in self.begun[place] if number not in following]

    def write(self, folder: Path) -> None:
        record = {"rounds": [[one.jobs, one.epochs] for one in self.rounds], "begun": self.begun}
        files.write(folder / ROUNDS_FILE, json.dumps(record) + "\n")


def read_halving(folder: Path) -> HalvingRecord | None:
    """Returns None if the folder has no record."""
    path = folder / ROUNDS_FILE
    if not path.exists():
        return None
    with damage_reported(path):
        record = json.loads(path.read_text())
        rounds = [Round(jobs, epochs) for jobs, epochs in record["rounds"]]
        return HalvingRecord(rounds, [list(numbers) for numbers in record["begun"]])


def check_same_rounds(folder: Path, now: Sequence[Round] | None, started: bool) -> None:
    """Raises UserError if a resumed sweep was not a halving with these rounds; None: if it was a halving.

    started: whether any job has started; if none has, a sweep may become a halving.
    """
    then = read_halving(folder)
    if now is None:
        if then is not None:
            raise UserError(
                f"sweep.resume: {folder} is a halving ({format_rounds(then.rounds)}): give sweep.halving=true too"
            )
        return
    if then is None and started:
        raise UserError(f"sweep.resume: {folder} is not a halving: remove sweep.halving=true")
    if then is not None and then.rounds != list(now):
        changed = f"its rounds were {format_rounds(then.rounds)}, now {format_rounds(now)}"
        raise UserError(f"sweep.resume: {folder}: {changed}: a halving cannot change; give another sweep.name")
