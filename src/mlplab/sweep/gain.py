"""What ensembles gain over their members, in words: a table below that of the settings, and what came out."""

from mlplab.sweep.columns import SEEDS, name
from mlplab.sweep.comparison import Comparison
from mlplab.sweep.ensemble import Ensemble
from mlplab.sweep.told import Grid, scores, spread

TITLE = "ensembles: the mean of the members' predictions"
ONE = "one ensemble a setting: how much of a difference between two of them is chance is not known"


def gains(comparison: Comparison, tests: bool = False) -> Grid:
    """Header and rows, best first: of each score the mean of the members', and that of the ensemble."""
    names = scores(comparison) + ([f"{comparison.headline}/test", "loss/test"] if tests else [])
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


def leader(comparison: Comparison) -> Ensemble | None:
    """None where they were measured on other rows."""
    return comparison.ensembles[0] if comparison.ensembles and not _apart(comparison) else None


def best_ensemble(comparison: Comparison) -> list[str]:
    """Which it is, how sure that is, and the test scores of this one alone."""
    best, several = leader(comparison), len(comparison.ensembles) > 1
    if best is None:
        apart = " and ".join(_apart(comparison))
        return (
            [f"{apart}: ensembles that differ in it were measured on other rows, so none is the best"] if apart else []
        )
    who = f"best ensemble: {name(comparison.keys, best.run.words)}" if several else f"ensemble of {best.run.members}"
    told = [f"{who}, with {comparison.score} {spread(best.score(comparison.score), None)}", *([ONE] if several else [])]
    names = [f"{comparison.headline}/test", "loss/test"]
    known = [f"{score} {spread(value, None)}" for score in names if (value := best.score(score)) is not None]
    return told + ([f"on the test set, of this ensemble alone: {', '.join(known)}"] if known else [])


def _apart(comparison: Comparison) -> list[str]:
    """Keys by which ensembles differ that are chance to a setting, but make another split."""
    keys = [key for key in SEEDS if key != "seed"]
    return [key for key in keys if len({one.run.words.get(key) for one in comparison.ensembles}) > 1]


def _pair(one: Ensemble, score: str) -> str:
    mean, own = spread(one.mean(score), None), spread(one.score(score), None)
    return f"{mean} -> {own}" if mean else own
