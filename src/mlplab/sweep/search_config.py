"""A search as its command line describes it, checked before the first job. Imports nothing heavy."""

import itertools
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, cast

from hydra import compose
from hydra.core.override_parser.types import IntervalSweep, Override, RangeSweep
from omegaconf import DictConfig, OmegaConf

from mlplab import files
from mlplab.config.compose import resolve
from mlplab.config.overrides import parse_overrides
from mlplab.config.schema import COUNT, Range, monitor_mode
from mlplab.errors import UserError
from mlplab.run.config_file import upgrade_repr
from mlplab.run.folder import SWEEP_FILE

TARGET = "hydra_plugins.mlplab.sweepers.SearchSweeper"
STACKED, STACK = "hydra_plugins.mlplab.", 8
SEARCH_FOLDER = "search"  # of a sweep: journal.log, settings.json, a lock a process
SAMPLERS, PRUNERS = ("random", "tpe"), ("none", "median", "hyperband")
ETA = Range(2, 100, low_itself=True, high_itself=True, whole=True)
WHOLE = {"num_jobs": COUNT, "at_once": COUNT, "first": COUNT, "grace": COUNT, "eta": ETA}


@dataclass(frozen=True)
class SearchConfig:
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
        return monitor_mode(self.monitor)


Value = str | int | float


@dataclass(frozen=True)
class FloatRange:
    """From low to high, both included."""

    low: float
    high: float
    step: float | None = None
    log: bool = False
    whole: bool = False

    @property
    def ends(self) -> tuple[str, ...]:
        return self.word(self.low), self.word(self.high)

    def word(self, value: Value) -> str:
        """Four digits: a folder is named by it, and no search is finer."""
        if self.whole:
            return str(int(value))
        rounded = float(f"{value:.12g}" if self.step else f"{value:.4g}")
        return repr(min(max(rounded, self.low), self.high))


@dataclass(frozen=True)
class Choices:
    """Words as they are typed: a choice, a list, a number."""

    words: tuple[str, ...]

    @property
    def ends(self) -> tuple[str, ...]:
        return self.words

    def word(self, value: Value) -> str:
        return str(value)


@dataclass(frozen=True)
class SearchSpace:
    fixed: tuple[str, ...]
    searched: Mapping[str, Choices | FloatRange]

    def words(self, chosen: Mapping[str, Value]) -> list[str]:
        """The command line of a job."""
        return [*self.fixed, *(f"{key}={part.word(chosen[key])}" for key, part in self.searched.items())]

    def corners(self) -> Iterator[list[str]]:
        """Jobs that have every option and both ends of every range: all combinations of them, or, where these are many,
        each beside the first of the others."""
        ends = [[f"{key}={word}" for word in part.ends] for key, part in self.searched.items()]
        count = 1
        for of_key in ends:
            count *= len(of_key)
        if count <= MANY:
            yield from ([*self.fixed, *job] for job in itertools.product(*ends))
            return
        first = [of_key[0] for of_key in ends]
        for place, of_key in enumerate(ends):
            yield from ([*self.fixed, *first[:place], word, *first[place + 1 :]] for word in of_key)


@dataclass(frozen=True)
class SearchPlan:
    """at_once: jobs that are launched together."""

    folder: Path
    space: SearchSpace
    settings: SearchConfig
    num_jobs: int
    at_once: int
    joins: bool

    def told(self) -> str:
        how = self.settings.sampler + ("" if self.settings.pruner == "none" else f" and {self.settings.pruner}")
        return f"{self.num_jobs} jobs, {how} over {', '.join(self.space.searched)}"

    def agree(self) -> None:
        """Note what is searched, or see that it is what was noted. Raises Mistake where it is not."""
        path = self.folder / SEARCH_FOLDER / "settings.json"
        if not self.folder.is_dir() or (self.folder / SWEEP_FILE).exists():
            raise UserError(f"sweep.name: there is no search {self.folder} to go on with; give the name of one")
        fixed = [word for word in self.space.fixed if not word.startswith("sweep.")]
        searched = {key: repr(part) for key, part in self.space.searched.items()}
        mine = json.loads(json.dumps({**asdict(self.settings), "fixed": sorted(fixed), "searched": searched}))
        if not self.joins or not path.exists():
            path.parent.mkdir(exist_ok=True)
            files.write(path, json.dumps(mine, indent=2) + "\n")
            return
        theirs = json.loads(path.read_text())
        theirs["searched"] = {key: upgrade_repr(text) for key, text in theirs["searched"].items()}
        other = [key for key in mine if mine[key] != theirs.get(key)]
        if other:
            said = f"{other[0]} was {theirs.get(other[0])}, is {mine[other[0]]}"
            raise UserError(f"hydra.sweeper.join: {self.folder} searches otherwise: {said}; the same command goes on")


def is_search(config: DictConfig) -> bool:
    return bool(config.hydra.sweeper.get("_target_") == TARGET)


def plan_search(config: DictConfig) -> SearchPlan:
    """config: Hydra's of a sweep. Raises Mistake for what is wrong with it."""
    sweeper = config.hydra.sweeper
    _right(sweeper)
    overrides = parse_overrides(config.hydra.overrides.task)
    usual = compose("train", [str(one.input_line) for one in overrides if not one.is_sweep_override()])
    space = parse_space(overrides, lambda key: OmegaConf.select(usual, key))
    first = resolve(compose("train", next(space.corners()), return_hydra_config=True))
    known = {name: sweeper[name] for name in ("sampler", "pruner", "first", "grace", "eta")}
    settings = SearchConfig(**known, seed=first.seed, epochs=first.trainer.max_epochs, monitor=first.monitor)
    if settings.pruner == "hyperband" and settings.grace >= settings.epochs:
        raise UserError(f"hydra.sweeper.grace={settings.grace}: must be below trainer.max_epochs={settings.epochs}")
    at_once = sweeper.at_once or _together(config.hydra.launcher)
    joins = bool(sweeper.join or OmegaConf.select(usual, "sweep.resume"))
    return SearchPlan(Path(config.hydra.sweep.dir), space, settings, sweeper.num_jobs, at_once, joins)


def stored_search_config(folder: Path) -> SearchConfig:
    """Of a search under way."""
    held = json.loads((folder / SEARCH_FOLDER / "settings.json").read_text())
    return SearchConfig(**{name: held[name] for name in SearchConfig.__dataclass_fields__})


def _right(sweeper: Mapping[str, Any]) -> None:
    for name, choices in (("sampler", SAMPLERS), ("pruner", PRUNERS), ("join", (True, False))):
        if sweeper[name] not in choices:
            allowed = ", ".join(str(choice).lower() for choice in choices)
            raise UserError(f"hydra.sweeper.{name}={sweeper[name]}: must be one of {allowed}")
    for name, limits in WHOLE.items():
        if not (limits.holds(sweeper[name]) or (name == "at_once" and sweeper[name] is None)):
            raise UserError(f"hydra.sweeper.{name}={sweeper[name]}: must be {limits}")


def _together(launcher: Mapping[str, Any]) -> int:
    """As many suggestions as the launcher runs at once, so that none waits; of one that trains them as one so many that
    it pays, and that most are still chosen by what came of others."""
    if str(launcher.get("_target_")).startswith(STACKED):
        return min(launcher.get("most") or STACK, STACK)
    return parallel_jobs(launcher)


def parallel_jobs(launcher: Mapping[str, Any]) -> int:
    """How many jobs a launcher runs at once."""
    cores = os.cpu_count() or 1
    if "ray" in launcher:
        return max(1, cores // int(launcher["ray"]["remote"]["num_cpus"] or 1))
    for key in ("n_jobs", "at_once", "array_parallelism"):
        if (count := launcher.get(key)) is not None:
            return int(count) if count > 0 else max(1, cores + 1 + int(count))
    return cores if "at_once" in launcher else 1


MANY = 256  # jobs that are checked before the first starts


def parse_space(overrides: Sequence[Override], default_of: Callable[[str], object]) -> SearchSpace:
    """default_of: what a key is where the command line does not say; where that is a whole number, so are those of a
    range. Raises Mistake where nothing is swept, or a range is none."""
    fixed = [f"{one.get_key_element()}={one.get_value_element_as_str()}" for one in overrides if not _swept(one)]
    searched = {one.get_key_element(): _part(one, default_of) for one in overrides if _swept(one)}
    if not searched:
        raise UserError("nothing to search: give a range, as optimizer.lr='tag(log,interval(1e-4,1e-1))', or choices")
    return SearchSpace(tuple(fixed), searched)


def _swept(override: Override) -> bool:
    return bool(override.is_sweep_override())


def _part(override: Override, default_of: Callable[[str], object]) -> Choices | FloatRange:
    sweep: Any = override.value()
    tags = set(getattr(sweep, "tags", ()))
    if tags - {"log"} or (tags and not isinstance(sweep, IntervalSweep | RangeSweep)):
        raise UserError(f"{override.input_line}: the one tag is log, of a range, as tag(log,interval(1e-4,1e-1))")
    if isinstance(sweep, IntervalSweep):
        low, high = cast(float, sweep.start), cast(float, sweep.end)
        whole = type(low) is int or type(default_of(override.key_or_group)) is int
        if whole and (low % 1 or high % 1):
            raise UserError(f"{override.input_line}: {override.key_or_group} takes whole numbers")
        return _checked(override, FloatRange(low, high, None, bool(tags), whole))
    if isinstance(sweep, RangeSweep):
        values: list[Any] = list(override.sweep_iterator())
        if len(values) > 1:
            whole = all(type(value) is int for value in values)
            step = abs(values[1] - values[0])
            if tags and not (whole and step == 1):
                raise UserError(f"{override.input_line}: a log scale takes interval(low,high), or whole numbers by 1")
            return _checked(override, FloatRange(min(values), max(values), step, bool(tags), whole))
    words = tuple(dict.fromkeys(map(str, override.sweep_string_iterator())))
    if not words:
        raise UserError(f"{override.input_line}: a search over nothing: no choice has such a name")
    return Choices(words)


def _checked(override: Override, numbers: FloatRange) -> FloatRange:
    if not numbers.low < numbers.high:
        raise UserError(f"{override.input_line}: {numbers.low} is not below {numbers.high}")
    if numbers.log and numbers.low <= 0:
        raise UserError(f"{override.input_line}: a log scale starts above 0")
    return numbers
