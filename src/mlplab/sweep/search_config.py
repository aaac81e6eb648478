"""The configuration of a search: sampler, pruner, space, number of jobs; checked before the first job starts."""

import itertools
import json
import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, cast

from hydra import compose
from hydra.core.override_parser.types import IntervalSweep, Override, RangeSweep
from omegaconf import DictConfig, OmegaConf

from mlplab import files
from mlplab.config.compose import compose_run, parse_overrides
from mlplab.config.configure import resolve
from mlplab.config.schema import SWEEPER_CHOICES, SWEEPER_RANGES, monitor_mode
from mlplab.errors import UserError
from mlplab.run.folder import SWEEP_FILE

STACKED_LAUNCHER = "hydra_plugins.mlplab.stacked_launcher.StackedLauncher"
STACK_SIZE = 8  # jobs that the stacked launcher trains together in a search
SEARCH_FOLDER = "search"  # in the sweep's folder: journal.log, settings.json, one lock for each process
MAX_CORNERS = 256  # jobs that are validated before the first starts


@dataclass(frozen=True)
class SearchConfig:
    """sampler: random, tpe. pruner: none, median, hyperband. first: random jobs before the sampler and the median
    pruner use their scores. grace: the first epoch after which a job may be pruned. epochs: of a complete job."""

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
        return monitor_mode(self.monitor)


Value = str | int | float


@dataclass(frozen=True)
class FloatRange:
    """From low to high, both included. whole: integers only."""

    low: float
    high: float
    step: float | None = None
    log: bool = False
    whole: bool = False

    @property
    def ends(self) -> tuple[str, ...]:
        return self.format(self.low), self.format(self.high)

    def format(self, value: Value) -> str:
        """Formats with four digits: the job's folder is named by the value, and no search is finer."""
        if self.whole:
            return str(int(value))
        rounded = float(f"{value:.12g}" if self.step else f"{value:.4g}")
        return repr(min(max(rounded, self.low), self.high))

    def stored(self) -> str:
        """Returns the text in settings.json, which stays the same from version to version."""
        return f"Numbers({', '.join(f'{name}={value!r}' for name, value in asdict(self).items())})"


@dataclass(frozen=True)
class Choices:
    """Values as they are typed: a choice of a group, a list, a number."""

    options: tuple[str, ...]

    @property
    def ends(self) -> tuple[str, ...]:
        return self.options

    def format(self, value: Value) -> str:
        return str(value)

    def stored(self) -> str:
        return f"Options(words={self.options!r})"


@dataclass(frozen=True)
class SearchSpace:
    """fixed: overrides that all jobs share. searched: the values of each searched key."""

    fixed: tuple[str, ...]
    searched: Mapping[str, Choices | FloatRange]

    def overrides(self, chosen: Mapping[str, Value]) -> list[str]:
        """Returns the command line of a job."""
        return [*self.fixed, *(f"{key}={values.format(chosen[key])}" for key, values in self.searched.items())]

    def corners(self) -> Iterator[list[str]]:
        """Yields jobs that contain every choice and both ends of every range: all combinations, or, if there are many,
        each end with the first end of the other keys."""
        ends = [[f"{key}={end}" for end in values.ends] for key, values in self.searched.items()]
        if math.prod(map(len, ends)) <= MAX_CORNERS:
            yield from ([*self.fixed, *job] for job in itertools.product(*ends))
            return
        first = [of_key[0] for of_key in ends]
        for place, of_key in enumerate(ends):
            yield from ([*self.fixed, *first[:place], end, *first[place + 1 :]] for end in of_key)


@dataclass(frozen=True)
class SearchPlan:
    """at_once: jobs that are launched together. joins: whether the search may exist already."""

    folder: Path
    space: SearchSpace
    settings: SearchConfig
    num_jobs: int
    at_once: int
    joins: bool

    def summary(self) -> str:
        how = self.settings.sampler + ("" if self.settings.pruner == "none" else f" and {self.settings.pruner}")
        return f"{self.num_jobs} jobs, {how} over {', '.join(self.space.searched)}"

    def write_or_compare(self) -> None:
        """Writes settings.json, or, in a search that exists, raises UserError if it differs."""
        path = self.folder / SEARCH_FOLDER / "settings.json"
        if not self.folder.is_dir() or (self.folder / SWEEP_FILE).exists():
            raise UserError(f"sweep.name: there is no search {self.folder} to resume; give the name of a search")
        fixed = [override for override in self.space.fixed if not override.startswith("sweep.")]
        searched = {key: values.stored() for key, values in self.space.searched.items()}
        ours = json.loads(json.dumps({**asdict(self.settings), "fixed": sorted(fixed), "searched": searched}))
        if not self.joins or not path.exists():
            path.parent.mkdir(exist_ok=True)
            files.write(path, json.dumps(ours, indent=2) + "\n")
            return
        theirs = json.loads(path.read_text())
        if differing := [key for key in ours if ours[key] != theirs.get(key)]:
            change = f"{differing[0]} was {theirs.get(differing[0])}, is {ours[differing[0]]}"
            raise UserError(
                f"hydra.sweeper.join: {self.folder} is another search: {change}; resume it by the same command"
            )


def plan_search(hydra: DictConfig, arguments: Sequence[str]) -> SearchPlan:
    """Raises UserError for what is invalid.

    hydra: Hydra's own part of the sweep's configuration. arguments: the overrides of the command line.
    """
    sweeper = hydra.sweeper
    _check_options(sweeper)
    overrides = parse_overrides(arguments)
    default = compose("train", [str(override.input_line) for override in overrides if not override.is_sweep_override()])
    space = parse_space(overrides, lambda key: OmegaConf.select(default, key))
    first = resolve(compose_run(next(space.corners())))
    options = {name: sweeper[name] for name in ("sampler", "pruner", "first", "grace", "eta")}
    settings = SearchConfig(**options, seed=first.seed, epochs=first.trainer.max_epochs, monitor=first.monitor)
    if settings.pruner == "hyperband" and settings.grace >= settings.epochs:
        raise UserError(f"hydra.sweeper.grace={settings.grace}: must be below trainer.max_epochs={settings.epochs}")
    at_once = sweeper.at_once or suggestions_at_once(hydra.launcher)
    joins = bool(sweeper.join or OmegaConf.select(default, "sweep.resume"))
    return SearchPlan(Path(hydra.sweep.dir), space, settings, sweeper.num_jobs, at_once, joins)


def stored_search_config(folder: Path) -> SearchConfig:
    """Returns the configuration of a search that has started."""
    stored = json.loads((folder / SEARCH_FOLDER / "settings.json").read_text())
    return SearchConfig(**{name: stored[name] for name in SearchConfig.__dataclass_fields__})


def _check_options(sweeper: Mapping[str, Any]) -> None:
    for name, choices in SWEEPER_CHOICES.items():
        if sweeper[name] not in choices:
            allowed = ", ".join(str(choice).lower() for choice in choices)
            raise UserError(f"hydra.sweeper.{name}={sweeper[name]}: must be one of {allowed}")
    for name, limits in SWEEPER_RANGES.items():
        if not (limits.holds(sweeper[name]) or (name == "at_once" and sweeper[name] is None)):
            raise UserError(f"hydra.sweeper.{name}={sweeper[name]}: must be {limits}")


def suggestions_at_once(launcher: Mapping[str, Any]) -> int:
    """Returns how many jobs a search chooses together: as many as the launcher runs at once; for stacks, few enough
    that most jobs are chosen from earlier scores."""
    if launcher.get("_target_") == STACKED_LAUNCHER:
        return min(launcher.get("most") or STACK_SIZE, STACK_SIZE)
    return parallel_jobs(launcher)


def parallel_jobs(launcher: Mapping[str, Any]) -> int:
    """Returns how many jobs a launcher runs at once."""
    cores = os.cpu_count() or 1
    if "ray" in launcher:
        return max(1, cores // int(launcher["ray"]["remote"]["num_cpus"] or 1))
    for key in ("n_jobs", "at_once", "array_parallelism"):
        if (count := launcher.get(key)) is not None:
            return int(count) if count > 0 else max(1, cores + 1 + int(count))
    return cores if "at_once" in launcher else 1


def parse_space(overrides: Sequence[Override], default_of: Callable[[str], object]) -> SearchSpace:
    """default_of: the value of a key without the sweep; if it is an integer, a range of the key has integers only.
    Raises UserError if nothing is swept, or a range is not valid."""
    fixed, searched = [], {}
    for override in overrides:
        if override.is_sweep_override():
            searched[override.get_key_element()] = _parse_values(override, default_of)
        else:
            fixed.append(f"{override.get_key_element()}={override.get_value_element_as_str()}")
    if not searched:
        example = "optimizer.lr='tag(log,interval(1e-4,1e-1))'"
        raise UserError(f"nothing to search: give a range, such as {example}, or choices")
    return SearchSpace(tuple(fixed), searched)


def _parse_values(override: Override, default_of: Callable[[str], object]) -> Choices | FloatRange:
    sweep: Any = override.value()
    tags = set(getattr(sweep, "tags", ()))
    if tags - {"log"} or (tags and not isinstance(sweep, IntervalSweep | RangeSweep)):
        raise UserError(f"{override.input_line}: the only tag is log, of a range, such as tag(log,interval(1e-4,1e-1))")
    if isinstance(sweep, IntervalSweep):
        low, high = cast(float, sweep.start), cast(float, sweep.end)
        whole = type(low) is int or type(default_of(override.key_or_group)) is int
        if whole and (low % 1 or high % 1):
            raise UserError(f"{override.input_line}: {override.key_or_group} takes integers")
        return _checked(override, FloatRange(low, high, None, bool(tags), whole))
    if isinstance(sweep, RangeSweep):
        values: list[Any] = list(override.sweep_iterator())
        if len(values) > 1:
            whole = all(type(value) is int for value in values)
            step = abs(values[1] - values[0])
            if tags and not (whole and step == 1):
                raise UserError(f"{override.input_line}: a log scale takes interval(low,high), or a range of step 1")
            return _checked(override, FloatRange(min(values), max(values), step, bool(tags), whole))
    options = tuple(dict.fromkeys(map(str, override.sweep_string_iterator())))
    if not options:
        raise UserError(f"{override.input_line}: nothing to search: no choice has such a name")
    return Choices(options)


def _checked(override: Override, values: FloatRange) -> FloatRange:
    if not values.low < values.high:
        raise UserError(f"{override.input_line}: {values.low} is not below {values.high}")
    if values.log and values.low <= 0:
        raise UserError(f"{override.input_line}: a log scale starts above 0")
    return values
