"""A search as its command line describes it, checked before the first job. Imports nothing heavy."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from hydra import compose
from omegaconf import DictConfig, OmegaConf

from mlplab import files
from mlplab.config.compose import resolve
from mlplab.config.overrides import parse
from mlplab.config.schema import COUNT, Range, direction
from mlplab.errors import Mistake
from mlplab.run.folder import FILE
from mlplab.search.space import Space, read_space

TARGET = "hydra_plugins.mlplab_search.Search"
STACKED, STACK = "hydra_plugins.mlplab_stacked.", 8
FOLDER = "search"  # of a sweep: journal.log, settings.json, a lock a process
SAMPLERS, PRUNERS = ("random", "tpe"), ("none", "median", "hyperband")
ETA = Range(2, 100, low_itself=True, high_itself=True, whole=True)
WHOLE = {"num_jobs": COUNT, "at_once": COUNT, "first": COUNT, "grace": COUNT, "eta": ETA}


@dataclass(frozen=True)
class Settings:
    """sampler: random, tpe. pruner: none, median, hyperband. first: random jobs before the sampler learns, and before
    the median counts. grace: the epoch after which a job may be ended at the earliest. epochs: of a whole job."""

    sampler: str
    pruner: str
    first: int
    grace: int
    eta: int
    seed: int
    epochs: int
    monitor: str

    @property
    def direction(self) -> Literal["min", "max"]:
        return direction(self.monitor)


@dataclass(frozen=True)
class Plan:
    """at_once: jobs that are launched together."""

    folder: Path
    space: Space
    settings: Settings
    num_jobs: int
    at_once: int
    joins: bool

    def told(self) -> str:
        how = self.settings.sampler + ("" if self.settings.pruner == "none" else f" and {self.settings.pruner}")
        return f"{self.num_jobs} jobs, {how} over {', '.join(self.space.searched)}"

    def agree(self) -> None:
        """Note what is searched, or see that it is what was noted. Raises Mistake where it is not."""
        path = self.folder / FOLDER / "settings.json"
        if not self.folder.is_dir() or (self.folder / FILE).exists():
            raise Mistake(f"sweep.name: there is no search {self.folder} to go on with; give the name of one")
        fixed = [word for word in self.space.fixed if not word.startswith("sweep.")]
        searched = {key: repr(part) for key, part in self.space.searched.items()}
        mine = json.loads(json.dumps({**asdict(self.settings), "fixed": sorted(fixed), "searched": searched}))
        if not self.joins or not path.exists():
            path.parent.mkdir(exist_ok=True)
            files.write(path, json.dumps(mine, indent=2) + "\n")
            return
        theirs = json.loads(path.read_text())
        other = [key for key in mine if mine[key] != theirs.get(key)]
        if other:
            said = f"{other[0]} was {theirs.get(other[0])}, is {mine[other[0]]}"
            raise Mistake(f"hydra.sweeper.join: {self.folder} searches otherwise: {said}; the same command goes on")


def is_search(config: DictConfig) -> bool:
    return bool(config.hydra.sweeper.get("_target_") == TARGET)


def plan(config: DictConfig) -> Plan:
    """config: Hydra's of a sweep. Raises Mistake for what is wrong with it."""
    sweeper = config.hydra.sweeper
    _right(sweeper)
    overrides = parse(config.hydra.overrides.task)
    usual = compose("train", [str(one.input_line) for one in overrides if not one.is_sweep_override()])
    space = read_space(overrides, lambda key: OmegaConf.select(usual, key))
    first = resolve(compose("train", next(space.corners()), return_hydra_config=True))
    known = {name: sweeper[name] for name in ("sampler", "pruner", "first", "grace", "eta")}
    settings = Settings(**known, seed=first.seed, epochs=first.trainer.max_epochs, monitor=first.monitor)
    if settings.pruner == "hyperband" and settings.grace >= settings.epochs:
        raise Mistake(f"hydra.sweeper.grace={settings.grace}: must be below trainer.max_epochs={settings.epochs}")
    at_once = sweeper.at_once or _together(config.hydra.launcher)
    joins = bool(sweeper.join or OmegaConf.select(usual, "sweep.resume"))
    return Plan(Path(config.hydra.sweep.dir), space, settings, sweeper.num_jobs, at_once, joins)


def kept_settings(folder: Path) -> Settings:
    """Of a search under way."""
    held = json.loads((folder / FOLDER / "settings.json").read_text())
    return Settings(**{name: held[name] for name in Settings.__dataclass_fields__})


def _right(sweeper: Mapping[str, Any]) -> None:
    for name, choices in (("sampler", SAMPLERS), ("pruner", PRUNERS), ("join", (True, False))):
        if sweeper[name] not in choices:
            allowed = ", ".join(str(choice).lower() for choice in choices)
            raise Mistake(f"hydra.sweeper.{name}={sweeper[name]}: must be one of {allowed}")
    for name, limits in WHOLE.items():
        if not (limits.holds(sweeper[name]) or (name == "at_once" and sweeper[name] is None)):
            raise Mistake(f"hydra.sweeper.{name}={sweeper[name]}: must be {limits}")


def _together(launcher: Mapping[str, Any]) -> int:
    """As many suggestions as the launcher runs at once, so that none waits; of one that trains them as one so many that
    it pays, and that most are still chosen by what came of others."""
    if str(launcher.get("_target_")).startswith(STACKED):
        return min(launcher.get("most") or STACK, STACK)
    return slots(launcher)


def slots(launcher: Mapping[str, Any]) -> int:
    """How many jobs a launcher runs at once."""
    cores = os.cpu_count() or 1
    if "ray" in launcher:
        return max(1, cores // int(launcher["ray"]["remote"]["num_cpus"] or 1))
    for key in ("n_jobs", "at_once", "array_parallelism"):
        if (count := launcher.get(key)) is not None:
            return int(count) if count > 0 else max(1, cores + 1 + int(count))
    return cores if "at_once" in launcher else 1
