"""Runs that can be compared, as settings, best first, each judged against the best."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from mlplab.comparison.settings import (
    FOLD_KEY,
    SEED_KEYS,
    Configuration,
    configuration_name,
    differing_keys,
    key_value,
    swept_columns,
)
from mlplab.comparison.significance import SIGNIFICANCE_LEVEL, Scores, compare_over_folds, compare_to_best
from mlplab.config.schema import monitor_mode
from mlplab.run.record import RunRecord


@dataclass(frozen=True)
class EnsembleResult:
    """members: as many of its runs as are at hand."""

    run: RunRecord
    members: Sequence[RunRecord]

    def score(self, name: str) -> float | None:
        return self.run.scores.get(name)

    def mean(self, name: str) -> float | None:
        """Of the members' scores; None unless all of them are known."""
        known = [run.scores[name] for run in self.members if name in run.scores]
        return statistics.fmean(known) if known and len(known) == self.run.members else None


@dataclass(frozen=True)
class Comparison:
    """score: by which settings stand best first. columns: keys that differ; keys: those of them that were varied.

    test: the words for it, or nothing where there are too few seeds. ensembles: of the settings, best first.
    """

    data: str
    score: str
    columns: Sequence[str]
    keys: Sequence[str]
    settings: Sequence[Configuration]
    test: str
    ensembles: Sequence[EnsembleResult] = ()

    @cached_property
    def ranked(self) -> list[Configuration]:
        """Those with a score."""
        return [setting for setting in self.settings if setting.mean(self.score) is not None]

    @property
    def best(self) -> Configuration | None:
        return self.ranked[0] if self.ranked else None

    @property
    def tied(self) -> list[Configuration]:
        """Others whose difference to the best may be chance."""
        return [setting for setting in self.ranked[1:] if setting.p is not None and setting.p >= SIGNIFICANCE_LEVEL]

    @property
    def unknown(self) -> list[Configuration]:
        return [setting for setting in self.ranked[1:] if setting.p is None]

    @property
    def headline(self) -> str:
        return self.settings[0].runs[0].headline

    @property
    def loss(self) -> str:
        """The name of the loss, where all have the same."""
        names = {run.choice["loss"] for setting in self.settings for run in setting.runs}
        return names.pop() if len(names) == 1 else ""

    @property
    def runs(self) -> list[RunRecord]:
        return [run for setting in self.settings for run in setting.runs]

    @property
    def measured_apart(self) -> list[str]:
        """Keys of the data whose values make other rows or targets to be measured on."""
        return [key for key in self.columns if any(key == f"data.{name}" for run in self.runs for name in run.rows)]

    @cached_property
    def chance(self) -> str:
        """What differs between the runs of a setting: seeds, folds, or both."""
        return chance_score(self.runs)

    @property
    def counted(self) -> str:
        """What a setting has many of."""
        return self.chance if self.chance in ("seeds", "folds") else "runs"

    @property
    def most(self) -> int:
        """Seeds or folds of the setting that has most of them."""
        return max((len(setting.scores(self.score)) for setting in self.settings), default=0)

    def levels(self, key: str) -> dict[str, float | None]:
        """The values of a key in their order, as words; numbers with what they are."""
        found = {run.words.get(key): key_value(run, key) for run in self.runs}
        found.pop(None, None)
        numbers = [value for value in found.values() if isinstance(value, int | float) and not isinstance(value, bool)]
        if len(numbers) < len(found):
            return {str(word): None for word in found}
        return {str(word): float(found[word]) for word in sorted(found, key=lambda word: float(found[word]))}


def group_runs(runs: Sequence[RunRecord], sort: str | None = None) -> list[Comparison]:
    """One a dataset: nothing that was measured on other data is better or worse."""
    groups: dict[tuple[str, str], list[RunRecord]] = {}
    for run in runs:
        groups.setdefault((run.data, run.headline), []).append(run)
    return [_compare(data, alike, sort) for (data, _), alike in sorted(groups.items())]


def ranking_score(runs: Sequence[RunRecord]) -> str:
    """`monitor`, unless the runs have other ones, or losses that are no measure of each other."""
    monitors = {str(run.settings.get("monitor")) for run in runs}
    losses = {tuple(sorted((key, word) for key, word in run.words.items() if _measures(key))) for run in runs}
    monitor = monitors.pop()
    if monitors or (monitor.startswith("loss/") and len(losses) > 1) or not any(monitor in run.scores for run in runs):
        return f"{runs[0].headline}/val"
    return monitor


def chance_score(runs: Sequence[RunRecord]) -> str:
    differ = [key for key in SEED_KEYS if len({run.words.get(key, "0") for run in runs}) > 1]
    if FOLD_KEY not in differ:
        return "seeds"
    return "folds" if differ == [FOLD_KEY] else "folds and seeds"


def _judged(settings: Sequence[Configuration], score: str, sign: int) -> tuple[str, list[float | None]]:
    """The first is the best. Of losses the logarithms are tested: their spread grows with them."""
    scores: list[Scores] = [setting.scores(score) for setting in settings]
    if len(scores) < 2:
        return "", []
    logarithms = sign > 0 and all(value > 0 for own in scores for value in own.values())
    if logarithms:
        scores = [{seed: math.log(value) for seed, value in own.items()} for own in scores]
    if chance_score([run for setting in settings for run in setting.runs]) == "seeds":
        test, judged = compare_to_best(scores[0], scores[1:])
    else:
        test, judged = compare_over_folds(scores[0], scores[1:], [setting.share for setting in settings])
    return f"{test} (of logarithms)" if test and logarithms else test, judged


def _measures(key: str) -> bool:
    """Whether another value of a key makes another measure of the loss; label smoothing is off in what is measured."""
    return (key.partition(".")[0] == "loss" and key != "loss.label_smoothing") or key == "learner.target_scaling"


def _compare(data: str, given: Sequence[RunRecord], sort: str | None) -> Comparison:
    """Ensembles stand by themselves, unless there is nothing else."""
    trained = [run for run in given if not run.members]
    runs, united = (trained, [run for run in given if run.members]) if trained else (given, [])
    keys = differing_keys(runs)
    score = sort or ranking_score(runs)
    named = swept_columns(keys, runs)
    groups: dict[tuple[str | None, ...], list[RunRecord]] = {}
    for run in runs:
        groups.setdefault(tuple(run.words.get(key) for key in keys), []).append(run)
    settings = []
    for values, alike in groups.items():
        own = {key: value for key, value in zip(keys, values, strict=True) if value is not None}
        settings.append(Configuration(configuration_name(named, own), own, alike))
    sign = 1 if monitor_mode(score) == "min" else -1

    def rank(setting: Configuration) -> tuple[float, bool]:
        mean = setting.mean(score)
        return math.inf if mean is None else sign * mean, setting.verdict != "pruned"

    settings.sort(key=rank)
    test, judged = _judged([setting for setting in settings if setting.scores(score)], score, sign)
    for place, p in enumerate(judged, start=1):
        settings[place] = replace(settings[place], p=p)

    def gained(one: EnsembleResult) -> float:
        value = one.score(score)
        return math.inf if value is None else sign * value

    ensembles = sorted(match_ensembles(united, trained), key=gained)
    return Comparison(data, score, keys, named, settings, test, ensembles)


def match_ensembles(ensembles: Sequence[RunRecord], runs: Sequence[RunRecord]) -> list[EnsembleResult]:
    """runs: among which members are found, by their folders."""
    by = {run.folder: run for run in runs}
    named = [[one.folder.parent / str(name) for name in one.report.get("members", [])] for one in ensembles]
    return [
        EnsembleResult(one, [by[folder] for folder in folders if folder in by])
        for one, folders in zip(ensembles, named, strict=True)
    ]
