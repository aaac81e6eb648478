"""A comparison as text: its table, the conclusion, and how to read them."""

import math
from collections.abc import Mapping, Sequence

from mlplab.comparison.comparison import Comparison, EnsembleResult
from mlplab.comparison.configuration import SEED_KEYS, Configuration, configuration_name
from mlplab.comparison.significance import SIGNIFICANCE_LEVEL
from mlplab.report.text import format_number

Grid = tuple[list[str], list[list[str]]]  # header and rows

MAX_TIED = 4  # configurations that are named
ONE_SEED = "one seed each: whether a difference may be chance is unknown; sweep over seed=0,1,2 to find out"
ENSEMBLES = "ensembles: the mean of the members' predictions"
ONE_ENSEMBLE = "one ensemble per configuration: whether a difference between two ensembles may be chance is unknown"


def format_mean_std(mean: float | None, std: float | None, between: str = " +- ") -> str:
    """Returns `0.0954 +- 0.0061`: std to two figures, the mean to the same decimal place; a mean alone to four
    figures."""
    if mean is None:
        return ""
    if std is None or not std > 0:
        return format_number(mean) + ("" if std is None else f"{between}0")
    std = float(f"{std:.1e}")
    digits = max(0, min(6, 1 - math.floor(math.log10(std))))
    if abs(mean) >= 1e5 or std < 1e-5:
        return f"{mean:.3g}{between}{std:.2g}"
    return f"{mean:.{digits}f}{between}{std:.{digits}f}"


def comparison_table(comparison: Comparison, limit: int = 0, tests: bool = False, sign: str = " +- ") -> Grid:
    """Returns header and rows, best first. tests: adds test scores of every configuration. limit: of rows, 0 for
    all."""
    names = table_scores(comparison) + (_test_scores(comparison) if tests else [])
    header = ["", *comparison.columns, *names, comparison.counted, "seconds", "verdict", "against the best"]
    shown = comparison.configurations[:limit] if limit else comparison.configurations
    rows = [_row(comparison, rank, configuration, names, sign) for rank, configuration in enumerate(shown, start=1)]
    keep = [place for place, name in enumerate(header) if name != comparison.counted or comparison.most > 1]
    return [header[place] for place in keep], [[row[place] for place in keep] for row in rows]


def table_scores(comparison: Comparison) -> list[str]:
    """Returns the score that ranks, the loss where it can be compared, the headline metric."""
    comparable = [] if comparison.score == f"{comparison.headline}/val" and not comparison.loss else ["loss/val"]
    return list(dict.fromkeys([comparison.score, *comparable, f"{comparison.headline}/val"]))


def _test_scores(comparison: Comparison) -> list[str]:
    return [f"{comparison.headline}/test", "loss/test"]


def _row(comparison: Comparison, rank: int, configuration: Configuration, names: Sequence[str], sign: str) -> list[str]:
    seconds = configuration.fact("seconds")
    return [
        str(rank) if configuration.finished else "-",
        *(configuration.own.get(key, "") for key in comparison.columns),
        *(format_mean_std(configuration.mean(name), configuration.std(name), sign) for name in names),
        str(len(configuration.finished))
        + (f" of {len(configuration.runs)}" if len(configuration.finished) < len(configuration.runs) else ""),
        "" if seconds is None else format_number(seconds, 3),
        configuration.verdict,
        _test_note(comparison, configuration),
    ]


def _test_note(comparison: Comparison, configuration: Configuration) -> str:
    """Returns the cell under `against the best`."""
    if configuration.mean(comparison.score) is None:
        return ""
    if configuration is comparison.best:
        return "best"
    if configuration.p is None:
        return "unknown"
    shown = f"p {configuration.p:.2g}" if configuration.p >= 0.001 else "p < 0.001"
    return f"may be chance, {shown}" if configuration.p >= SIGNIFICANCE_LEVEL else f"worse, {shown}"


def conclusion_text(comparison: Comparison, sign: str = " +- ") -> list[str]:
    """Returns the best configuration, whether the others may be as good, and the test scores of the best alone."""
    best = comparison.best
    if best is None:
        return ["no run has finished"]
    over = f" over {len(best.finished)} {comparison.counted}" if len(best.finished) > 1 else ""
    value = format_mean_std(best.mean(comparison.score), best.std(comparison.score), sign)
    name = f"best: {best.name}, with " if len(comparison.configurations) > 1 else ""
    tests = {score: format_mean_std(best.mean(score), best.std(score), sign) for score in _test_scores(comparison)}
    lines = [
        f"{name}{comparison.score} {value}{over}",
        _significance(comparison),
        _test_scores_text("configuration", tests),
    ]
    return [line for line in lines if line]


def _significance(comparison: Comparison) -> str:
    others = len(comparison.ranked) - 1
    if others == 0:
        return ""
    if len(comparison.unknown) == others:
        return ONE_SEED
    tied = [configuration.name for configuration in comparison.tied]
    if not tied:
        subject = "all others are" if others > 1 else "the other is"
        return f"{subject} worse; variation over {comparison.chance} does not explain the difference"
    more = f" and {len(tied) - MAX_TIED} more" if len(tied) > MAX_TIED else ""
    named = f": {'; '.join(tied[:MAX_TIED])}{more}" if others > 1 else ""
    subject = f"{len(tied)} of {others} others" if others > 1 else "the other"
    return f"{subject} may be just as good, variation over {comparison.chance} explains the difference{named}"


def _test_scores_text(kind: str, scores: Mapping[str, str]) -> str:
    """Returns the test scores of what validation selected, and of nothing else. kind: `configuration` or `ensemble`."""
    known = ", ".join(f"{name} {score}" for name, score in scores.items() if score)
    return f"on the test set, for this {kind} only: {known}" if known else ""


def footer_text(comparison: Comparison, tests: bool = False) -> list[str]:
    """Returns lines that explain the table."""
    lines = []
    if comparison.most > 1:
        lines.append(f"mean +- standard deviation over {comparison.chance}, each run at its best epoch")
    if comparison.test:
        lines += _test_lines(comparison)
    if comparison.measured_apart:
        keys = " and ".join(comparison.measured_apart)
        lines.append(
            f"{keys}: runs that differ in it were measured on different rows, so a better score may mean an easier task"
        )
    if tests:
        lines.append("test scores of all are shown, as requested; of one that is selected by them they are no estimate")
    return lines


def _test_lines(comparison: Comparison) -> list[str]:
    count = sum(configuration.p is not None for configuration in comparison.configurations)
    several = f", Holm's correction for {count} comparisons" if count > 1 else ""
    lines = [f"may be chance: {comparison.test} against the best{several}, p at least {SIGNIFICANCE_LEVEL:g}"]
    if comparison.chance != "seeds":
        lines.append("its variance is corrected for the training rows that folds share (Nadeau and Bengio, 2003)")
    if comparison.most < 4:
        lines.append(f"{comparison.most} {comparison.counted} detect only large differences; more detect smaller ones")
    return lines


def ensemble_gains(comparison: Comparison, tests: bool = False) -> Grid:
    """Returns header and rows, best first: per score the mean of the members, and the score of the ensemble."""
    names = table_scores(comparison) + (_test_scores(comparison) if tests else [])
    keys = [*comparison.columns, *_split_keys(comparison)]
    header = ["", *keys, "members", *(f"{score}, mean -> ensemble" for score in names), "folder"]
    rows = [
        [
            str(rank),
            *(ensemble.run.overrides.get(key, "") for key in keys),
            str(ensemble.run.members),
            *(_gain(ensemble, score) for score in names),
            ensemble.run.folder.name,
        ]
        for rank, ensemble in enumerate(comparison.ensembles, start=1)
    ]
    return header, rows


def best_ensemble(comparison: Comparison) -> EnsembleResult | None:
    """Returns the best ensemble; None where they were measured on different rows."""
    return comparison.ensembles[0] if comparison.ensembles and not _split_keys(comparison) else None


def best_ensemble_text(comparison: Comparison) -> list[str]:
    """Returns the best ensemble, whether another may be as good, and the test scores of the best alone."""
    best, several = best_ensemble(comparison), len(comparison.ensembles) > 1
    if best is None:
        keys = " and ".join(_split_keys(comparison))
        return [f"{keys}: ensembles that differ in it were measured on different rows, so none is best"] if keys else []
    name = f"ensemble of {best.run.members}"
    if several:
        name = f"best ensemble: {configuration_name(comparison.keys, best.run.overrides)}"
    lines = [f"{name}, with {comparison.score} {format_mean_std(best.score(comparison.score), None)}"]
    lines += [ONE_ENSEMBLE] if several else []
    tests = {score: format_mean_std(best.score(score), None) for score in _test_scores(comparison)}
    return [line for line in (*lines, _test_scores_text("ensemble", tests)) if line]


def _split_keys(comparison: Comparison) -> list[str]:
    """Seeds and folds of the split in which ensembles differ."""
    keys = [key for key in SEED_KEYS if key != "seed"]
    return [key for key in keys if len({ensemble.run.overrides.get(key) for ensemble in comparison.ensembles}) > 1]


def _gain(ensemble: EnsembleResult, score: str) -> str:
    mean, own = format_mean_std(ensemble.mean(score), None), format_mean_std(ensemble.score(score), None)
    return f"{mean} -> {own}" if mean else own
