"""A comparison in words: its table, what came out, and by which test."""

import math
from collections.abc import Sequence

from mlplab.comparison.comparison import Comparison, EnsembleResult
from mlplab.comparison.settings import SEED_KEYS, Configuration, configuration_name
from mlplab.comparison.significance import SIGNIFICANCE_LEVEL

Grid = tuple[list[str], list[list[str]]]
MAX_TIED = 4
MORE = "one seed each: how much of a difference is chance is not known; `seed=0,1,2` in the sweep tells"


def format_mean_std(mean: float | None, sd: float | None, between: str = " +- ") -> str:
    """`0.0954 +- 0.0061`: the sd to two figures, the mean as far as it has meaning; alone to four."""
    if mean is None:
        return ""
    if sd is None or not sd > 0:
        return f"{mean:#.4g}".rstrip(".") + ("" if sd is None else f"{between}0")
    sd = float(f"{sd:.1e}")
    digits = max(0, min(6, 1 - math.floor(math.log10(sd))))
    if abs(mean) >= 1e5 or sd < 1e-5:
        return f"{mean:.3g}{between}{sd:.2g}"
    return f"{mean:.{digits}f}{between}{sd:.{digits}f}"


def comparison_table(comparison: Comparison, limit: int = 0, tests: bool = False, sign: str = " +- ") -> Grid:
    """Header and rows, best first. tests: test scores of all settings too. limit: 0 for all."""
    names = table_scores(comparison) + ([f"{comparison.headline}/test", "loss/test"] if tests else [])
    header = ["", *comparison.columns, *names, comparison.counted, "seconds", "verdict", "against the best"]
    shown = comparison.settings[:limit] if limit else comparison.settings
    rows = [_row(comparison, place, setting, names, sign) for place, setting in enumerate(shown, start=1)]
    keep = [place for place, name in enumerate(header) if name != comparison.counted or comparison.most > 1]
    return [header[place] for place in keep], [[row[place] for place in keep] for row in rows]


def table_scores(comparison: Comparison) -> list[str]:
    """What a table shows: the score that ranks, the loss, the headline."""
    comparable = [] if comparison.score == f"{comparison.headline}/val" and not comparison.loss else ["loss/val"]
    return list(dict.fromkeys([comparison.score, *comparable, f"{comparison.headline}/val"]))


def _row(comparison: Comparison, place: int, setting: Configuration, names: Sequence[str], sign: str) -> list[str]:
    seconds = setting.fact("seconds")
    return [
        str(place) if setting.finished else "-",
        *(setting.own.get(key, "") for key in comparison.columns),
        *(format_mean_std(setting.mean(name), setting.sd(name), sign) for name in names),
        str(len(setting.finished)) + (f" of {len(setting.runs)}" if len(setting.finished) < len(setting.runs) else ""),
        "" if seconds is None else f"{seconds:#.3g}".rstrip("."),
        setting.verdict,
        test_note(comparison, setting),
    ]


def test_note(comparison: Comparison, setting: Configuration) -> str:
    if setting.mean(comparison.score) is None:
        return ""
    if setting is comparison.best:
        return "best"
    if setting.p is None:
        return "not known"
    shown = f"p {setting.p:.2g}" if setting.p >= 0.001 else "p < 0.001"
    return f"may be chance, {shown}" if setting.p >= SIGNIFICANCE_LEVEL else f"worse, {shown}"


def conclusion_text(comparison: Comparison, sign: str = " +- ") -> list[str]:
    """What came out, the test scores of the best setting alone, and how far it is more than chance."""
    best = comparison.best
    if best is None:
        return ["no run has finished"]
    over = f" over {len(best.finished)} {comparison.counted}" if len(best.finished) > 1 else ""
    value = format_mean_std(best.mean(comparison.score), best.sd(comparison.score), sign)
    who = f"best: {best.name}, with " if len(comparison.settings) > 1 else ""
    told = [f"{who}{comparison.score} {value}{over}"]
    told += [line for line in (_noise(comparison), test_scores_text(comparison, sign)) if line]
    return told


def _noise(comparison: Comparison) -> str:
    others = len(comparison.ranked) - 1
    if others == 0:
        return ""
    if len(comparison.unknown) == others:
        return MORE
    tied = [setting.name for setting in comparison.tied]
    if not tied:
        return f"{'all others are' if others > 1 else 'the other is'} worse by more than {comparison.chance} explain"
    more = f" and {len(tied) - MAX_TIED} more" if len(tied) > MAX_TIED else ""
    named = f": {'; '.join(tied[:MAX_TIED])}{more}" if others > 1 else ""
    of = f"{len(tied)} of {others} others" if others > 1 else "the other"
    said = f"the difference is no more than {comparison.chance} explain"
    return f"{of} may be just as good, {said}{named}"


def test_scores_text(comparison: Comparison, sign: str = " +- ") -> str:
    """Of the setting that validation chose, and of no other."""
    best = comparison.best
    names = [f"{comparison.headline}/test", "loss/test"]
    known = [(name, mean) for name in names if best is not None and (mean := best.mean(name)) is not None]
    said = ", ".join(f"{name} {format_mean_std(mean, best.sd(name), sign)}" for name, mean in known if best is not None)
    return f"on the test set, of this setting alone: {said}" if said else ""


def footer_text(comparison: Comparison, tests: bool = False) -> list[str]:
    """How to read the table."""
    told = []
    if comparison.most > 1:
        told.append(f"mean +- sd over {comparison.chance}, each run at its best epoch")
    if comparison.test:
        count = sum(setting.p is not None for setting in comparison.settings)
        several = f", Holm's correction for {count} comparisons" if count > 1 else ""
        told.append(f"may be chance: {comparison.test} against the best{several}, p at least {SIGNIFICANCE_LEVEL:g}")
        if comparison.chance != "seeds":
            told.append("its variance is corrected for the training rows that folds share (Nadeau and Bengio, 2003)")
        if comparison.most < 4:
            few = f"{comparison.most} {comparison.counted}"
            told.append(f"{few} tell large differences only; more of them tell smaller ones")
    if comparison.measured_apart:
        keys = " and ".join(comparison.measured_apart)
        told.append(
            f"{keys}: runs that differ in it were measured on other rows, so a better score may be an easier question"
        )
    if tests:
        told.append("test scores of all are shown, as asked: of one that is chosen by them they are no estimate")
    return told


TITLE = "ensembles: the mean of the members' predictions"
ONE = "one ensemble a setting: how much of a difference between two of them is chance is not known"


def ensemble_gains(comparison: Comparison, tests: bool = False) -> Grid:
    """Header and rows, best first: of each score the mean of the members', and that of the ensemble."""
    names = table_scores(comparison) + ([f"{comparison.headline}/test", "loss/test"] if tests else [])
    keys = [*comparison.columns, *_apart(comparison)]
    header = ["", *keys, "members", *(f"{score}, mean -> ensemble" for score in names), "folder"]
    rows = [
        [
            str(place),
            *(one.run.words.get(key, "") for key in keys),
            str(one.run.members),
            *(_pair(one, score) for score in names),
            one.run.folder.name,
        ]
        for place, one in enumerate(comparison.ensembles, start=1)
    ]
    return header, rows


def best_configuration(comparison: Comparison) -> EnsembleResult | None:
    """None where they were measured on other rows."""
    return comparison.ensembles[0] if comparison.ensembles and not _apart(comparison) else None


def best_ensemble_text(comparison: Comparison) -> list[str]:
    """Which it is, how sure that is, and the test scores of this one alone."""
    best, several = best_configuration(comparison), len(comparison.ensembles) > 1
    if best is None:
        apart = " and ".join(_apart(comparison))
        return (
            [f"{apart}: ensembles that differ in it were measured on other rows, so none is the best"] if apart else []
        )
    who = (
        f"best ensemble: {configuration_name(comparison.keys, best.run.words)}"
        if several
        else f"ensemble of {best.run.members}"
    )
    told = [
        f"{who}, with {comparison.score} {format_mean_std(best.score(comparison.score), None)}",
        *([ONE] if several else []),
    ]
    names = [f"{comparison.headline}/test", "loss/test"]
    known = [f"{score} {format_mean_std(value, None)}" for score in names if (value := best.score(score)) is not None]
    return told + ([f"on the test set, of this ensemble alone: {', '.join(known)}"] if known else [])


def _apart(comparison: Comparison) -> list[str]:
    """Keys by which ensembles differ that are chance to a setting, but make another split."""
    keys = [key for key in SEED_KEYS if key != "seed"]
    return [key for key in keys if len({one.run.words.get(key) for one in comparison.ensembles}) > 1]


def _pair(one: EnsembleResult, score: str) -> str:
    mean, own = format_mean_std(one.mean(score), None), format_mean_std(one.score(score), None)
    return f"{mean} -> {own}" if mean else own
