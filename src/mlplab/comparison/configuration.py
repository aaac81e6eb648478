"""A configuration: runs that differ in their seeds or folds alone, with mean and spread of their scores."""

import statistics
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from mlplab.config.compose import compose_plain
from mlplab.config.tree import flatten, format_value
from mlplab.run.folder import swept_keys
from mlplab.run.record import RunRecord
from mlplab.trainer.history_file import read_history

FOLD_KEY = "data.fold"
SEED_KEYS = ("seed", "data.split_seed", FOLD_KEY)  # runs of one configuration differ in them
ALWAYS_SHOWN = "optimizer.lr"  # shown even where it follows from another choice, as it is read first


@dataclass(frozen=True)
class Configuration:
    """own: values of the keys that differ. p: of its difference to the best, None where it is unknown."""

    name: str
    own: Mapping[str, str]
    runs: Sequence[RunRecord]
    p: float | None = None

    @cached_property
    def finished(self) -> list[RunRecord]:
        return [run for run in self.runs if run.state == "finished"]

    def scores(self, score: str) -> dict[Hashable, float]:
        """Returns a score by seed and fold, for each finished run that has it; a run that was repeated counts twice."""
        found: dict[Hashable, float] = {}
        times: Counter[tuple[str, ...]] = Counter()
        for run in self.finished:
            if score in run.scores:
                seed = tuple(str(run.config.get(key, 0)) for key in SEED_KEYS)
                found[(*seed, times[seed])] = run.scores[score]
                times[seed] += 1
        return found

    def mean(self, score: str) -> float | None:
        values = self.scores(score).values()
        return statistics.fmean(values) if values else None

    def std(self, score: str) -> float | None:
        values = self.scores(score).values()
        return statistics.stdev(values) if len(values) > 1 else None

    def fact(self, name: str) -> float | None:
        """Returns the mean of another number of scores.json, as seconds or parameters."""
        values = [run.report.get(name) for run in self.finished]
        numbers = [float(value) for value in values if isinstance(value, int | float)]
        return statistics.fmean(numbers) if numbers else None

    @property
    def row_ratio(self) -> float:
        """Validation rows / training rows."""
        val, train = (self.fact(name) or 1.0 for name in ("val_rows", "train_rows"))
        return val / train

    @property
    def verdict(self) -> str:
        """The most frequent verdict, with its count where the runs differ."""
        verdicts = Counter(str(run.report.get("verdict", "")).replace("_", " ") for run in self.finished)
        if not verdicts:
            states = {run.state for run in self.runs}
            return next((state for state in ("failed", "pruned") if state in states), "not finished")
        verdict, times = verdicts.most_common(1)[0]
        return verdict if times == len(self.finished) else f"{verdict} ({times} of {len(self.finished)})"

    def curves(self, score: str) -> tuple[list[float], list[list[float]]]:
        """Epochs, and one curve per finished run, all as long as the shortest."""
        found = [_curve(run, score) for run in self.finished]
        length = min((len(curve) for curve in found), default=0)
        return list(map(float, range(length))), [curve[:length] for curve in found]


def _curve(run: RunRecord, score: str) -> list[float]:
    path = run.folder / "history.csv"
    return [row[score] for row in read_history(path) if score in row] if path.exists() else []


def configuration_name(keys: Sequence[str], own: dict[str, str]) -> str:
    """Returns a short name: `adam, lr 0.01`."""
    lasts = [key.rpartition(".")[2] for key in keys]
    parts = []
    for key, last in zip(keys, lasts, strict=True):
        value = own.get(key)
        if value is None:
            continue
        if "." in key or key in ("batch_size", "monitor"):
            parts.append(f"{last if lasts.count(last) == 1 else key} {value}")
        else:
            parts.append(f"no {key}" if value in ("none", "null") else value)
    return ", ".join(parts) or "all runs"


def differing_keys(runs: Sequence[RunRecord]) -> list[str]:
    """Returns the keys whose values differ, without seeds and without what follows from another choice that differs."""
    overrides = [run.overrides for run in runs]
    keys = [key for key in dict.fromkeys(key for own in overrides for key in own) if key not in SEED_KEYS]
    differ = [key for key in keys if len({own[key] for own in overrides if key in own}) > 1]
    return [key for key in differ if key == ALWAYS_SHOWN or not all(_follows(own, key) for own in overrides)]


def swept_columns(keys: Sequence[str], runs: Sequence[RunRecord]) -> list[str]:
    """Returns the keys by which a sweep names its jobs, and those that no earlier key determines.

    In a search each run has its own values, so that any key would determine all others.
    """
    overrides = [run.overrides for run in runs]
    swept = {key for run in runs for key in swept_keys(run.folder)}
    columns: list[str] = []
    for key in keys:
        if key in swept or not any(_determines(first, key, overrides) for first in columns):
            columns.append(key)
    return columns


def key_value(run: RunRecord, key: str) -> Any:
    """Returns the value with its type, so that a number can be placed on an axis."""
    return run.config[key] if key in run.config else run.overrides.get(key)


def _determines(first: str, key: str, overrides: Sequence[dict[str, str]]) -> bool:
    values: dict[str | None, set[str | None]] = {}
    for own in overrides:
        values.setdefault(own.get(first), set()).add(own.get(key))
    return all(len(found) == 1 for found in values.values())


def _follows(own: dict[str, str], key: str) -> bool:
    """Returns whether the value is the default under the run's choices, or under its dataset and experiment."""
    if key not in own:
        return True
    if key in ("data", "experiment", "callback"):
        return False
    groups = [group for group in ("experiment", "data") if own.get(group, "null") != "null"]
    if f"choice.{key}" in _defaults(()):
        return _defaults(tuple(f"{group}={own[group]}" for group in groups)).get(f"choice.{key}") == own[key]
    chosen = [key.removeprefix("choice.") for key in _defaults(()) if key.startswith("choice.")]
    return _defaults(tuple(f"{g}={own[g]}" for g in chosen if own.get(g, "null") != "null")).get(key) == own[key]


@lru_cache(maxsize=1024)
def _defaults(choices: tuple[str, ...]) -> dict[str, str]:
    """Returns the values under these choices; empty where this version does not know one of them."""
    try:
        return {key: format_value(value) for key, value in flatten(compose_plain(choices))}
    except (HydraException, OmegaConfBaseException):
        return {}
