"""What a run came to, in a word and in a sentence: a closed list of rules in order, of which the first that matches
wins."""

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from mlplab.report import remedy
from mlplab.report.facts import LIMITS, Facts, Row

Rule = Callable[[Facts], str | None]


class Verdict(NamedTuple):
    """name: of the closed list. text: what it means here, with what to try."""

    name: str
    text: str


def verdict(rows: Sequence[Row], best_epoch: int, diagnosis: Mapping[str, Any], settings: Mapping[str, Any]) -> Verdict:
    """By recorded numbers alone; see Facts for what is what."""
    facts = Facts(rows, best_epoch, diagnosis, settings)
    return next(Verdict(name, f"{text}.") for name, rule in RULES.items() if (text := rule(facts)))


def _diverging(f: Facts) -> str | None:
    above = LIMITS.diverged + 1 / math.sqrt(f.count("train"))  # a few rows may be met worse while all are met better
    if f.train[-1] < above * f.train[0] or f.train[-1] <= f.baseline("loss/train"):
        return None
    told = f"diverging: training loss ends at {f.train[-1]:.3g}, above the {f.train[0]:.3g} where it began"
    return f"{told}. The learning rate is too high. {remedy.too_high(f.settings)}"


def _lr_too_high(f: Facts) -> str | None:
    if f.epochs < LIMITS.swing_epochs:
        return None
    half = f.train[-(f.epochs // 2) - 1 :]
    rises = [max(0.0, after - before) for before, after in pairwise(half)]
    often = sum(rise > 0 for rise in rises) / len(rises)
    if often < LIMITS.turns or sum(rises) / len(rises) < LIMITS.swing * f.baseline("loss/train"):
        return None
    told = f"learning rate too high: training loss swings between {min(half):.3g} and {max(half):.3g}"
    return f"{told} in the last {len(rises)} epochs. {remedy.too_high(f.settings)}"


def _dead_units(f: Facts) -> str | None:
    shares = [layer["dead"]["end"] if layer["rectified"] else 0.0 for layer in f.layers]
    worst = max(range(len(shares)), key=shares.__getitem__, default=None)
    if worst is None or shares[worst] < LIMITS.dead or f.left < LIMITS.lamed:
        return None
    before = f.layers[worst]["dead"]["start"]
    told = f"dead units: {shares[worst]:.0%} of the ReLU units of {f.place(worst)} never fire on the training rows"
    born = before >= LIMITS.dead
    return f"{told} ({before:.0%} at the start), so they learn nothing. {remedy.dead(f.settings, born)}"


def _vanishing_gradient(f: Facts) -> str | None:
    if f.left < LIMITS.stuck:
        return None
    for when in ("start", "end"):
        norms = [layer["gradient"][when] for layer in f.layers]
        least = min(range(len(norms)), key=norms.__getitem__, default=None)
        if least is None or norms[least] >= LIMITS.vanished * max(norms) > 0:
            continue
        largest = f"of {f.place(norms.index(max(norms)))} {max(norms):.1g}" if max(norms) else "as of every layer"
        told = (
            f"vanishing gradient: at the {when} the gradient by the weights of {f.place(least)} is {norms[least]:.1g}"
        )
        left = f"training loss ends at {f.train[-1]:.3g}, {f.of_baseline}"
        return f"{told}, {largest}; {left}. {remedy.vanishing(f.settings)}"
    return None


def _lr_too_low(f: Facts) -> str | None:
    if f.epochs < LIMITS.slope_epochs or f.left < LIMITS.stuck or f.val[-1] >= f.val[0]:
        return None
    falls = [before - after for before, after in pairwise(f.train)]
    middle = f.train[f.epochs // 2]
    first, second = f.train[0] - middle, middle - f.train[-1]
    if sum(fall > 0 for fall in falls) < LIMITS.falls * len(falls) or second < LIMITS.steady * first:
        return None
    told = f"learning rate too low: training loss fell steadily but only from {f.train[0]:.4g} to {f.train[-1]:.4g}"
    return f"{told} in {f.epochs} epochs, {f.of_baseline}. {remedy.too_low(f.settings)}"


def _suspiciously_perfect(f: Facts) -> str | None:
    score = "accuracy" if f.is_classes else "r2"
    reached = f.best[f"{score}/val"]
    if reached < LIMITS.perfect or f.count("val") < LIMITS.perfect_rows or remedy.made_by_formula(f.settings):
        return None
    told = f"suspiciously perfect: {_WORDS[score]} {reached:.4g} on {f.count('val'):,} validation rows"
    return f"{told}. Does a feature hold the target, or do rows stand in two splits? {remedy.leak(f.settings)}"


def _validation_better(f: Facts) -> str | None:
    if f.settings.get("data.label_noise"):  # of training targets only: that is why
        return None
    last = f.rows[-1]
    if f.is_classes:
        train, val = last["accuracy/train"], last["accuracy/val"]
        chance = f.noise((train + val) / 2, LIMITS.errors)
        if val - train < max(LIMITS.better, chance) or f.val[-1] >= f.train[-1]:
            return None
        words = f"accuracy {val:.3g} against {train:.3g}"
    else:
        train, val = last["mse/train"], last["mse/val"]
        spread = 2 * math.sqrt(1 / f.count("train") + 1 / f.count("val"))  # of a ratio of squared errors, tails heavy
        if f.left < LIMITS.better or train < max(LIMITS.better_ratio, math.exp(LIMITS.errors * spread)) * val:
            return None
        words = f"mean squared error {val:.3g} against {train:.3g}"
    told = f"validation better than training: {words} at the end, more than chance would give"
    return f"{told}. The splits are not alike: easier, cleaner or copied rows in val? {remedy.unlike(f.settings)}"


def _uneven_classes(f: Facts) -> str | None:
    if not f.is_classes or f.baseline("accuracy/val") < LIMITS.uneven:
        return None
    accuracy = f.best["accuracy/val"]
    if accuracy - f.balanced < LIMITS.misled:
        return None
    shares = f.diagnosis["shares"]
    largest = max(shares, key=shares.__getitem__)
    told = f"uneven classes: accuracy {accuracy:.3g} misleads, for {shares[largest]:.0%} of the rows are {largest}"
    return f"{told}; a mean over the classes finds {f.balanced:.0%} of their rows. {remedy.uneven(f.settings)}"


def _no_better_than_baseline(f: Facts) -> str | None:
    if not f.is_no_better or (f.is_improving and f.left >= LIMITS.stuck):
        return None
    name = "majority class" if f.is_classes else "training mean"
    low = f"lowest validation loss {f.val[f.lowest]:.3g} @ {f.lowest}, of the {name} {f.baseline('loss/val'):.3g}"
    told = f"no better than the baseline: {low}; training loss ends at {f.train[-1]:.3g}"
    return f"{told}, {f.of_baseline}. {remedy.no_better(f.settings, f.left < LIMITS.stuck)}"


def _overfitting(f: Facts) -> str | None:
    low, end = f.val[f.lowest], f.val[-1]
    lasting = max(1, round(LIMITS.lasting * f.epochs))
    after = min(f.val[-lasting:])
    is_sure = after >= LIMITS.risen * low and (f.rise >= LIMITS.sure or f.train[-1] <= LIMITS.by_heart * end)
    is_wide = min(f.val[-max(lasting, LIMITS.few) :]) >= LIMITS.risen_wide * low and f.has_parted
    if after <= low or after - low < LIMITS.material * f.baseline("loss/val") or not (is_sure or is_wide):
        return None
    if f.stopped_early or f.train[-1] - f.train[f.lowest] > (end - low) / 2:
        return None
    told = f"overfitting from epoch {f.lowest + 1}: validation loss best {low:.3g} @ {f.lowest}, now {end:.3g}"
    return f"{told}; training {f.train[-1]:.3g}. {remedy.overfitting(f.settings)}"


def _still_improving(f: Facts) -> str | None:
    if not f.is_improving:
        return None
    span = "epoch" if f.recent == 1 else f"{f.recent} epochs"
    before, low = min(f.val[: -f.recent]), min(f.val[-f.recent :])
    told = f"still improving: validation loss fell from {before:.3g} to {low:.3g} in the last {span}"
    return f"{told}; training {f.train[-1]:.3g}. {remedy.longer(f.settings, f.epochs)}"


def _underfitting(f: Facts) -> str | None:
    if f.left < LIMITS.underfit:
        return None
    told = f"underfitting: training loss {f.train[-1]:.3g}, {f.of_baseline}, falls no more"
    return f"{told}; validation {f.val[-1]:.3g}. {remedy.bigger(f.settings)}"


def _fits(f: Facts) -> str:
    ended = f"early stopping ended it after epoch {f.epochs}; " if f.stopped_early else ""
    told = f"fits: {ended}validation loss lowest {f.val[f.lowest]:.3g} @ {f.lowest}, now {f.val[-1]:.3g}"
    return f"{told}; training {f.train[-1]:.3g}, {f.of_baseline}"


RULES: dict[str, Rule] = {
    "dead_units": _dead_units,
    "diverging": _diverging,
    "lr_too_high": _lr_too_high,
    "vanishing_gradient": _vanishing_gradient,
    "lr_too_low": _lr_too_low,
    "suspiciously_perfect": _suspiciously_perfect,
    "validation_better_than_training": _validation_better,
    "uneven_classes": _uneven_classes,
    "no_better_than_baseline": _no_better_than_baseline,
    "overfitting": _overfitting,
    "still_improving": _still_improving,
    "underfitting": _underfitting,
    "fits": _fits,
}
_WORDS = {"accuracy": "accuracy", "r2": "R2"}
