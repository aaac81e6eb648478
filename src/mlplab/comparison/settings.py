"""Runs that differ in their seeds or folds alone: one setting, with the mean and spread of its scores."""

import csv
import statistics
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from hydra import compose
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from mlplab.config.compose import isolated_hydra
from mlplab.config.tree import flatten, format_value, to_plain
from mlplab.run.folder import swept_keys
from mlplab.run.record import RunRecord


def configuration_name(keys: Sequence[str], own: dict[str, str]) -> str:
    """A setting in words: `adam, lr 0.01`."""
    lasts = [key.rpartition(".")[2] for key in keys]
    said = []
    for key, last in zip(keys, lasts, strict=True):
        value = own.get(key)
        if value is None:
            continue
        if "." in key or key in ("batch_size", "monitor"):
            said.append(f"{last if lasts.count(last) == 1 else key} {value}")
        else:
            said.append(f"no {key}" if value in ("none", "null") else value)
    return ", ".join(said) or "all runs"


@dataclass(frozen=True)
class Configuration:
    """own: the values that set it apart, by key. p: of its difference to the best, None where it is not known."""

    name: str
    own: Mapping[str, str]
    runs: Sequence[RunRecord]
    p: float | None = None

    @cached_property
    def finished(self) -> list[RunRecord]:
        return [run for run in self.runs if run.state == "finished"]

    def scores(self, score: str) -> dict[Hashable, float]:
        """By seed and fold, of each finished run that has it; a run that was made twice counts twice."""
        found: dict[Hashable, float] = {}
        times: Counter[tuple[str, ...]] = Counter()
        for run in self.finished:
            if score in run.scores:
                seed = tuple(str(run.settings.get(key, 0)) for key in SEED_KEYS)
                found[(*seed, times[seed])] = run.scores[score]
                times[seed] += 1
        return found

    def mean(self, score: str) -> float | None:
        values = self.scores(score).values()
        return statistics.fmean(values) if values else None

    def sd(self, score: str) -> float | None:
        values = self.scores(score).values()
        return statistics.stdev(values) if len(values) > 1 else None

    def fact(self, name: str) -> float | None:
        """The mean of a number of scores.json, as seconds and parameters."""
        values = [run.report.get(name) for run in self.finished]
        numbers = [float(value) for value in values if isinstance(value, int | float)]
        return statistics.fmean(numbers) if numbers else None

    @property
    def share(self) -> float:
        """Rows that validate by rows that train."""
        rows = [self.fact(name) or 1.0 for name in ("val_rows", "train_rows")]
        return rows[0] / rows[1]

    @property
    def verdict(self) -> str:
        """The most frequent, with its share where there is another."""
        told = Counter(str(run.report.get("verdict", "")).replace("_", " ") for run in self.finished)
        if not told:
            states = {run.state for run in self.runs}
            return next((state for state in ("failed", "pruned") if state in states), "not finished")
        verdict, times = told.most_common(1)[0]
        return verdict if times == len(self.finished) else f"{verdict} ({times} of {len(self.finished)})"

    def curves(self, score: str) -> tuple[list[float], list[list[float]]]:
        """Epochs, and a curve a finished run, as long as the shortest."""
        found = [_curve(run, score) for run in self.finished]
        length = min((len(curve) for curve in found), default=0)
        return list(map(float, range(length))), [curve[:length] for curve in found]


def _curve(run: RunRecord, score: str) -> list[float]:
    path = run.folder / "history.csv"
    if not path.exists():
        return []
    with open(path, newline="", encoding="utf-8") as file:
        return [float(row[score]) for row in csv.DictReader(file) if row.get(score)]


FOLD_KEY = "data.fold"
SEED_KEYS = ("seed", "data.split_seed", FOLD_KEY)  # chance, which settings have in common
ALWAYS = "optimizer.lr"  # of all that follows from a choice this alone is shown: it is read first


def differing_keys(runs: Sequence[RunRecord]) -> list[str]:
    """The keys whose values differ, but the seeds, and what follows from a choice that differs."""
    told = [run.words for run in runs]
    keys = [key for key in dict.fromkeys(key for own in told for key in own) if key not in SEED_KEYS]
    differ = [key for key in keys if len({own[key] for own in told if key in own}) > 1]
    return [key for key in differ if key == ALWAYS or not all(map(_follows, told, [key] * len(told)))]


def swept_columns(keys: Sequence[str], runs: Sequence[RunRecord]) -> list[str]:
    """Of these keys those by which a sweep names its jobs, and those that no earlier one decides: in a search each run
    has numbers of its own, so that any of them decides all."""
    told = [run.words for run in runs]
    named = {key for run in runs for key in swept_keys(run.folder)}
    kept: list[str] = []
    for key in keys:
        if key in named or not any(_decides(first, key, told) for first in kept):
            kept.append(key)
    return kept


def key_value(run: RunRecord, key: str) -> Any:
    """As it is, so that numbers can be put on an axis."""
    return run.settings[key] if key in run.settings else run.words.get(key)


def _decides(first: str, key: str, told: Sequence[dict[str, str]]) -> bool:
    by: dict[str | None, set[str | None]] = {}
    for own in told:
        by.setdefault(own.get(first), set()).add(own.get(key))
    return all(len(values) == 1 for values in by.values())


def _follows(own: dict[str, str], key: str) -> bool:
    """Whether a run has what its choices, or its dataset and experiment, give by themselves."""
    if key not in own:
        return True
    if key in ("data", "experiment", "callback"):
        return False
    groups = [group for group in ("experiment", "data") if own.get(group, "null") != "null"]
    if f"choice.{key}" in _usual(()):
        return _usual(tuple(f"{group}={own[group]}" for group in groups)).get(f"choice.{key}") == own[key]
    chosen = [key.removeprefix("choice.") for key in _usual(()) if key.startswith("choice.")]
    return _usual(tuple(f"{g}={own[g]}" for g in chosen if own.get(g, "null") != "null")).get(key) == own[key]


@lru_cache(maxsize=1024)
def _usual(choices: tuple[str, ...]) -> dict[str, str]:
    """What these choices give; nothing where one of them is unknown today."""
    try:
        with isolated_hydra():
            composed = compose("train", list(choices), return_hydra_config=True)
            HydraConfig.instance().set_config(composed)
            return {key: format_value(value) for key, value in flatten(to_plain(composed))}
    except (HydraException, OmegaConfBaseException):
        return {}
