"""Groups runs that can be compared into configurations, best first, and tests each against the best."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from mlplab.comparison.configuration import (
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
    """run: the ensemble itself. members: those of its runs that were found."""

    run: RunRecord
    members: Sequence[RunRecord]

    def score(self, name: str) -> float | None:
        return self.run.scores.get(name)

    def mean(self, name: str) -> float | None:
        """Returns the mean score of the members; None unless all of them have it."""
        known = [run.scores[name] for run in self.members if name in run.scores]
        return statistics.fmean(known) if known and len(known) == self.run.members else None


@dataclass(frozen=True)
class Comparison:
    """score: ranks the configurations, best first. columns: keys that differ. keys: those of them that were swept.

    test: name of the significance test, empty where there are too few seeds. ensembles: of the configurations, best
    first.
    """

    data: str
    score: str
    columns: Sequence[str]
    keys: Sequence[str]
    configurations: Sequence[Configuration]
    test: str
    ensembles: Sequence[EnsembleResult] = ()

    @cached_property
    def means(self) -> list[tuple[Configuration, float]]:
        """The configurations that have the score, best first, and their mean scores."""
        found = [(configuration, configuration.mean(self.score)) for configuration in self.configurations]
        return [(configuration, mean) for configuration, mean in found if mean is not None]

    @cached_property
    def ranked(self) -> list[Configuration]:
        return [configuration for configuration, _ in self.means]

    @property
    def lower_is_better(self) -> bool:
        return monitor_mode(self.score) == "min"

    @property
    def best(self) -> Configuration | None:
        return self.ranked[0] if self.ranked else None

    @property
    def tied(self) -> list[Configuration]:
        """Configurations that are not significantly worse than the best."""
        return [
            configuration
            for configuration in self.ranked[1:]
            if configuration.p is not None and configuration.p >= SIGNIFICANCE_LEVEL
        ]

    @property
    def unknown(self) -> list[Configuration]:
        """Configurations that cannot be tested."""
        return [configuration for configuration in self.ranked[1:] if configuration.p is None]

    @property
    def headline(self) -> str:
        return self.configurations[0].runs[0].headline

    @property
    def loss(self) -> str:
        """The name of the loss, empty where the runs have different ones."""
        names = {run.choice["loss"] for run in self.runs}
        return names.pop() if len(names) == 1 else ""

    @property
    def runs(self) -> list[RunRecord]:
        return [run for configuration in self.configurations for run in configuration.runs]

    @property
    def measured_apart(self) -> list[str]:
        """Keys of the data that change the rows or targets on which the scores are measured."""
        return [key for key in self.columns if any(key == f"data.{name}" for run in self.runs for name in run.rows)]

    @cached_property
    def chance(self) -> str:
        """Names what differs between the runs of a configuration: `seeds`, `folds` or `folds and seeds`."""
        return chance_score(self.runs)

    @property
    def counted(self) -> str:
        """Names what the runs of a configuration are called: seeds, folds or runs."""
        return self.chance if self.chance in ("seeds", "folds") else "runs"

    @property
    def most(self) -> int:
        """The largest number of runs of a configuration."""
        return max((len(configuration.scores(self.score)) for configuration in self.configurations), default=0)

    def levels(self, key: str) -> dict[str, float | None]:
        """Returns the values of a key as strings; numbers are sorted and mapped to what they are, other values to
        None."""
        found = {run.overrides.get(key): key_value(run, key) for run in self.runs}
        found.pop(None, None)
        numbers = [value for value in found.values() if isinstance(value, int | float) and not isinstance(value, bool)]
        if len(numbers) < len(found):
            return {str(level): None for level in found}
        return {str(level): float(found[level]) for level in sorted(found, key=lambda level: float(found[level]))}


def group_runs(runs: Sequence[RunRecord], sort: str | None = None) -> list[Comparison]:
    """Returns one comparison per dataset, as scores on different data cannot be compared. sort: the score that
    ranks."""
    groups: dict[tuple[str, str], list[RunRecord]] = {}
    for run in runs:
        groups.setdefault((run.data, run.headline), []).append(run)
    return [_compare(data, alike, sort) for (data, _), alike in sorted(groups.items())]


def _compare(data: str, records: Sequence[RunRecord], sort: str | None) -> Comparison:
    """Ensembles are compared apart from runs, unless there is nothing else."""
    trained = [run for run in records if not run.members]
    runs, united = (trained, [run for run in records if run.members]) if trained else (records, [])
    columns = differing_keys(runs)
    keys = swept_columns(columns, runs)
    score = sort or ranking_score(runs)
    configurations = sorted(
        _configurations(runs, columns, keys),
        key=lambda configuration: (rank_key(score, configuration.mean(score)), configuration.verdict != "pruned"),
    )
    test, p_values = _test([configuration for configuration in configurations if configuration.scores(score)], score)
    for place, p in enumerate(p_values, start=1):
        configurations[place] = replace(configurations[place], p=p)
    ensembles = sorted(match_ensembles(united, trained), key=lambda ensemble: rank_key(score, ensemble.score(score)))
    return Comparison(data, score, columns, keys, configurations, test, ensembles)


def rank_key(score: str, value: float | None) -> float:
    """Returns the key of `sorted` for best values first, unknown ones last."""
    if value is None:
        return math.inf
    return value if monitor_mode(score) == "min" else -value


def _configurations(runs: Sequence[RunRecord], columns: Sequence[str], keys: Sequence[str]) -> list[Configuration]:
    groups: dict[tuple[str | None, ...], list[RunRecord]] = {}
    for run in runs:
        groups.setdefault(tuple(run.overrides.get(key) for key in columns), []).append(run)
    found = []
    for values, alike in groups.items():
        own = {key: value for key, value in zip(columns, values, strict=True) if value is not None}
        found.append(Configuration(configuration_name(keys, own), own, alike))
    return found


def ranking_score(runs: Sequence[RunRecord]) -> str:
    """Returns `monitor`; the headline metric where the runs differ in it, or have losses that cannot be compared."""
    monitors = {str(run.config.get("monitor")) for run in runs}
    losses = {
        tuple(sorted(((key, value)) for key, value in run.overrides.items() if _changes_loss(key))) for run in runs
    }
    monitor = monitors.pop()
    if monitors or (monitor.startswith("loss/") and len(losses) > 1) or not any(monitor in run.scores for run in runs):
        return f"{runs[0].headline}/val"
    return monitor


def _changes_loss(key: str) -> bool:
    """Returns whether losses under two values of the key cannot be compared; evaluation has no label smoothing."""
    return (key.partition(".")[0] == "loss" and key != "loss.label_smoothing") or key == "learner.target_scaling"


def chance_score(runs: Sequence[RunRecord]) -> str:
    """Names what differs between the runs of a configuration: `seeds`, `folds` or `folds and seeds`."""
    differ = [key for key in SEED_KEYS if len({run.overrides.get(key, "0") for run in runs}) > 1]
    if FOLD_KEY not in differ:
        return "seeds"
    return "folds" if differ == [FOLD_KEY] else "folds and seeds"


def _test(configurations: Sequence[Configuration], score: str) -> tuple[str, list[float | None]]:
    """Tests each configuration against the first; losses in logarithms, as their spread grows with them.

    Returns the name of the test and the p values.
    """
    scores: list[Scores] = [configuration.scores(score) for configuration in configurations]
    if len(scores) < 2:
        return "", []
    logarithms = monitor_mode(score) == "min" and all(value > 0 for values in scores for value in values.values())
    if logarithms:
        scores = [{seed: math.log(value) for seed, value in values.items()} for values in scores]
    if chance_score([run for configuration in configurations for run in configuration.runs]) == "seeds":
        test, p_values = compare_to_best(scores[0], scores[1:])
    else:
        ratios = [configuration.row_ratio for configuration in configurations]
        test, p_values = compare_over_folds(scores[0], scores[1:], ratios)
    return f"{test} (of logarithms)" if test and logarithms else test, p_values


def match_ensembles(ensembles: Sequence[RunRecord], runs: Sequence[RunRecord]) -> list[EnsembleResult]:
    """Finds the members of each ensemble among the runs, by their folders."""
    by_folder = {run.folder: run for run in runs}
    results = []
    for ensemble in ensembles:
        folders = [ensemble.folder.parent / str(name) for name in ensemble.report.get("members", [])]
        results.append(EnsembleResult(ensemble, [by_folder[folder] for folder in folders if folder in by_folder]))
    return results
