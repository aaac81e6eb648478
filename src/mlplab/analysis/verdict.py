"""Judges a run from its recorded numbers: an ordered list of rules, of which the first match is the verdict.

Each rule compares the numbers with THRESHOLDS and returns a sentence with what it measured and what to try. "Remaining
loss" is the last training loss / that of the baseline, which predicts the best constant.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, NamedTuple

from mlplab.analysis import remedies
from mlplab.config.schema import LEARNER_TASKS, is_regression

Row = Mapping[str, float]


@dataclass(frozen=True)
class Thresholds:
    """All thresholds of the rules: fractions and ratios, except counts of epochs and rows, and standard errors."""

    diverged: float = 1.05  # last / first training loss; 1 / sqrt(rows) is added
    swing: float = 0.03  # mean rise of training loss between epochs of the last half / baseline loss
    turns: float = 0.2  # fraction of epochs of the last half in which training loss rises
    dead: float = 0.5  # fraction of the ReLU units of a layer
    dead_remaining: float = 0.25  # least remaining training loss at which dead units matter
    vanished: float = 1e-3  # gradient norm of a layer / largest of all layers
    stuck: float = 0.5  # least remaining training loss at which a vanished gradient or a low learning rate matters
    falls: float = 0.8  # lr_too_low: fraction of epochs in which training loss falls
    steady: float = 0.6  # lr_too_low: fall in the second half of the epochs / fall in the first
    perfect: float = 0.999  # accuracy or R2 on val
    perfect_rows: int = 100  # least rows of val
    better: float = 0.05  # accuracy on val - accuracy on train; for a regression least unexplained variance on train
    better_ratio: float = 1.5  # mean squared error on train / on val
    errors: float = 3.0  # standard errors that such a difference must exceed
    uneven: float = 0.8  # fraction of the largest class
    misled: float = 0.2  # accuracy - balanced accuracy
    no_better: float = 0.03  # validation loss below the baseline, or 0.5 / sqrt(rows); for a regression R2 on val
    risen: float = 1.1  # validation loss / its lowest, in all of the last epochs
    sure: float = 2.0  # standard errors of the rise over the rows of val
    memorised: float = 0.25  # training / validation loss at which the rise needs no standard errors
    wide: float = 0.25  # gap between the losses / baseline loss at which a smaller rise is enough:
    risen_wide: float = 1.05  # validation loss / its lowest
    few: int = 3  # epochs for which it must last
    lasting: float = 0.1  # fraction of the epochs that are the last ones
    material: float = 0.005  # least rise of validation loss / baseline loss
    improved: float = 0.05  # fall of validation loss in the last quarter of the epochs / the lowest before
    worth: float = 0.01  # the same fall / baseline loss
    underfit: float = 0.6  # remaining training loss
    swing_epochs: int = 4  # least epochs for lr_too_high
    slope_epochs: int = 8  # least epochs for lr_too_low


THRESHOLDS = Thresholds()


class Verdict(NamedTuple):
    """name: a key of RULES. text: what was measured and what to try."""

    name: str
    text: str


def verdict(rows: Sequence[Row], best_epoch: int, diagnosis: Mapping[str, Any], settings: Mapping[str, Any]) -> Verdict:
    """Judges a run; see Facts for the arguments."""
    facts = Facts(rows, best_epoch, diagnosis, settings)
    return next(Verdict(name, f"{text}.") for name, rule in RULES.items() if (text := rule(facts)))


@dataclass(frozen=True)
class Facts:
    """Numbers of a run that the rules compare.

    rows: of history.csv, epoch 0 first. best_epoch: of scores.json. diagnosis: of diagnosis.json. settings: values of
    config.yaml by dotted key. train, val: losses by epoch.
    """

    rows: Sequence[Row]
    best_epoch: int
    diagnosis: Mapping[str, Any]
    settings: Mapping[str, Any]

    @property
    def epochs(self) -> int:
        return len(self.rows) - 1

    @cached_property
    def train(self) -> list[float]:
        return [row["loss/train"] for row in self.rows]

    @cached_property
    def val(self) -> list[float]:
        return [row["loss/val"] for row in self.rows]

    @cached_property
    def lowest(self) -> int:
        """Epoch of the lowest validation loss, epoch 0 (before training) excluded."""
        return min(range(1, len(self.val)), key=self.val.__getitem__)

    @property
    def best(self) -> Row:
        return self.rows[self.best_epoch]

    @property
    def is_classification(self) -> bool:
        return not is_regression(self.settings["choice.learner"])

    def baseline(self, score: str) -> float:
        """Returns the score of the best constant, computed from training targets."""
        return float(self.diagnosis["baseline"][score])

    def count(self, split: str) -> int:
        """Returns the number of rows of a split."""
        return int(self.diagnosis["rows"][split])

    @property
    def remaining(self) -> float:
        """Last training loss / that of the baseline; for a regression the unexplained variance 1 - R2."""
        if not self.is_classification:
            return 1 - self.rows[-1]["r2/train"]
        return self.train[-1] / max(self.baseline("loss/train"), 1e-12)

    @property
    def ending(self) -> str:
        return f"training loss ends at {self.train[-1]:.3g}, {self.remaining_text}"

    @property
    def remaining_text(self) -> str:
        if not self.is_classification:
            return f"R² {self.rows[-1]['r2/train']:.2f}"
        return f"{self.remaining:.0%} of the baseline loss"

    @property
    def rise(self) -> float:
        """Rise of the loss on val from the best to the last weights, in standard errors over its rows."""
        rise = self.diagnosis["rise"]
        return float(rise["mean"] / max(rise["error"], 1e-12))

    @property
    def recent(self) -> int:
        """Epochs in the last quarter, at least one."""
        return max(1, self.epochs // 4)

    @property
    def gain(self) -> float:
        """Fall of the lowest validation loss in the last quarter of the epochs."""
        return min(self.val[: -self.recent]) - min(self.val[-self.recent :])

    @property
    def balanced_accuracy(self) -> float:
        """Mean recall of the classes on val at the best epoch."""
        recall = self.best["recall/val"]
        if LEARNER_TASKS[self.settings["choice.learner"]] != "binary":
            return recall
        ones = [*self.diagnosis["shares"].values()][1]  # recall is that of class 1; with accuracy it gives the other
        return (recall + (self.best["accuracy/val"] - ones * recall) / max(1 - ones, 1e-12)) / 2

    @property
    def layers(self) -> list[Mapping[str, Any]]:
        return list(self.diagnosis["layers"])

    def layer_name(self, number: int) -> str:
        """Returns the name of a layer in a text. number: from 0."""
        kind = "the output layer" if number == len(self.layers) - 1 else f"hidden layer {number + 1}"
        return f"{kind} ({self.layers[number]['name']})"

    def noise(self, fraction: float, times: float) -> float:
        """Returns `times` standard errors of the difference of a fraction between train and val."""
        rows = 1 / self.count("train") + 1 / self.count("val")
        return times * math.sqrt(fraction * (1 - fraction) * rows)

    @property
    def stopped_early(self) -> bool:
        """Returns whether early stopping ended the run: validation loss then rises for `patience` epochs by design."""
        patience = self.settings.get("callback.early_stopping.patience", math.inf)
        return self.epochs < self.settings["trainer.max_epochs"] and self.epochs - self.best_epoch >= patience

    @property
    def is_improving(self) -> bool:
        before = min(self.val[: -self.recent])
        return self.gain >= max(THRESHOLDS.improved * before, THRESHOLDS.worth * self.baseline("loss/val"))

    @property
    def is_no_better(self) -> bool:
        """Returns whether neither accuracy (beyond chance) nor loss is better than the baseline; for a regression
        R2."""
        if not self.is_classification:
            return self.best["r2/val"] < THRESHOLDS.no_better
        constant = self.baseline("accuracy/val")
        chance = THRESHOLDS.errors * math.sqrt(constant * (1 - constant) / self.count("val"))
        higher = self.best["accuracy/val"] > constant + max(chance, THRESHOLDS.no_better)
        least = 1 - max(THRESHOLDS.no_better, 0.5 / math.sqrt(self.count("val")))
        return not higher and self.val[self.lowest] >= least * self.baseline("loss/val")


def _dead_units(f: Facts) -> str | None:
    fractions = [layer["dead"]["end"] if layer["rectified"] else 0.0 for layer in f.layers]
    most = max(fractions, default=0.0)
    if most < THRESHOLDS.dead or f.remaining < THRESHOLDS.dead_remaining:
        return None
    worst = fractions.index(most)
    start = f.layers[worst]["dead"]["start"]
    text = f"dead units: {most:.0%} of the ReLU units of {f.layer_name(worst)} are 0 for all training rows"
    return f"{text} ({start:.0%} at the start) and do not learn. {remedies.dead(f.settings, start >= THRESHOLDS.dead)}"


def _diverging(f: Facts) -> str | None:
    # on a few rows the loss may rise by chance
    limit = (THRESHOLDS.diverged + 1 / math.sqrt(f.count("train"))) * f.train[0]
    if f.train[-1] < limit or f.train[-1] <= f.baseline("loss/train"):
        return None
    text = f"diverging: training loss ends at {f.train[-1]:.3g}, above its initial {f.train[0]:.3g}"
    return f"{text}. The learning rate is too high. {remedies.too_high(f.settings)}"


def _lr_too_high(f: Facts) -> str | None:
    if f.epochs < THRESHOLDS.swing_epochs:
        return None
    half = f.train[-(f.epochs // 2) - 1 :]
    rises = [max(0.0, after - before) for before, after in pairwise(half)]
    often = sum(rise > 0 for rise in rises) / len(rises)
    if often < THRESHOLDS.turns or sum(rises) / len(rises) < THRESHOLDS.swing * f.baseline("loss/train"):
        return None
    text = f"learning rate too high: training loss oscillates between {min(half):.3g} and {max(half):.3g}"
    return f"{text} in the last {len(rises)} epochs. {remedies.too_high(f.settings)}"


def _vanishing_gradient(f: Facts) -> str | None:
    if f.remaining < THRESHOLDS.stuck:
        return None
    for when in ("start", "end"):
        norms = [layer["gradient"][when] for layer in f.layers]
        least, most = min(norms, default=1.0), max(norms, default=1.0)
        if least >= THRESHOLDS.vanished * most > 0:
            continue
        largest = f"that of {f.layer_name(norms.index(most))} {most:.1g}" if most else "as of all layers"
        weakest = f.layer_name(norms.index(least))
        text = f"vanishing gradient: at the {when} the gradient norm of {weakest} is {least:.1g}"
        return f"{text}, {largest}; {f.ending}. {remedies.vanishing(f.settings)}"
    return None


def _lr_too_low(f: Facts) -> str | None:
    if f.epochs < THRESHOLDS.slope_epochs or f.remaining < THRESHOLDS.stuck or f.val[-1] >= f.val[0]:
        return None
    falls = [before - after for before, after in pairwise(f.train)]
    middle = f.train[f.epochs // 2]
    first, second = f.train[0] - middle, middle - f.train[-1]
    if sum(fall > 0 for fall in falls) < THRESHOLDS.falls * len(falls) or second < THRESHOLDS.steady * first:
        return None
    text = f"learning rate too low: training loss fell steadily, but only from {f.train[0]:.4g} to {f.train[-1]:.4g}"
    return f"{text} in {f.epochs} epochs, {f.remaining_text}. {remedies.too_low(f.settings)}"


def _suspiciously_perfect(f: Facts) -> str | None:
    score, name = ("accuracy", "accuracy") if f.is_classification else ("r2", "R²")
    value, rows = f.best[f"{score}/val"], f.count("val")
    if value < THRESHOLDS.perfect or rows < THRESHOLDS.perfect_rows or remedies.made_by_formula(f.settings):
        return None
    text = f"suspiciously perfect: {name} {value:.4g} on {rows:,} validation rows"
    return f"{text}. Does a feature contain the target, or are rows in two splits? {remedies.leak(f.settings)}"


def _validation_better(f: Facts) -> str | None:
    if f.settings.get("data.label_noise"):  # only training targets have it, which explains the difference
        return None
    compared = _better_accuracy(f) if f.is_classification else _better_error(f)
    if compared is None:
        return None
    text = f"validation better than training: {compared} at the end, more than chance explains"
    return f"{text}. Does val have easier, cleaner or duplicate rows? {remedies.unlike(f.settings)}"


def _better_accuracy(f: Facts) -> str | None:
    train, val = f.rows[-1]["accuracy/train"], f.rows[-1]["accuracy/val"]
    chance = f.noise((train + val) / 2, THRESHOLDS.errors)
    if val - train < max(THRESHOLDS.better, chance) or f.val[-1] >= f.train[-1]:
        return None
    return f"accuracy {val:.3g} on val, {train:.3g} on train"


def _better_error(f: Facts) -> str | None:
    train, val = f.rows[-1]["mse/train"], f.rows[-1]["mse/val"]
    spread = 2 * math.sqrt(1 / f.count("train") + 1 / f.count("val"))  # of a ratio of squared errors, heavy tails
    ratio = max(THRESHOLDS.better_ratio, math.exp(THRESHOLDS.errors * spread))
    if f.remaining < THRESHOLDS.better or train < ratio * val:
        return None
    return f"mean squared error {val:.3g} on val, {train:.3g} on train"


def _uneven_classes(f: Facts) -> str | None:
    if not f.is_classification or f.baseline("accuracy/val") < THRESHOLDS.uneven:
        return None
    accuracy = f.best["accuracy/val"]
    if accuracy - f.balanced_accuracy < THRESHOLDS.misled:
        return None
    fractions = f.diagnosis["shares"]
    largest = max(fractions, key=fractions.__getitem__)
    text = f"uneven classes: accuracy {accuracy:.3g} is misleading, {fractions[largest]:.0%} of the rows are {largest}"
    return f"{text}; balanced accuracy (mean recall) {f.balanced_accuracy:.3g}. {remedies.uneven(f.settings)}"


def _no_better_than_baseline(f: Facts) -> str | None:
    if not f.is_no_better or (f.is_improving and f.remaining >= THRESHOLDS.stuck):
        return None
    name = "majority class" if f.is_classification else "training mean"
    low = f"lowest validation loss {f.val[f.lowest]:.3g} at epoch {f.lowest}, {name} {f.baseline('loss/val'):.3g}"
    text = f"no better than the baseline: {low}; {f.ending}"
    return f"{text}. {remedies.no_better(f.settings, f.remaining < THRESHOLDS.stuck)}"


def _overfitting(f: Facts) -> str | None:
    low, end = f.val[f.lowest], f.val[-1]
    lasting = max(1, round(THRESHOLDS.lasting * f.epochs))
    after = min(f.val[-lasting:])
    memorises = f.train[-1] <= THRESHOLDS.memorised * end
    is_sure = after >= THRESHOLDS.risen * low and (f.rise >= THRESHOLDS.sure or memorises)
    is_wide = min(f.val[-max(lasting, THRESHOLDS.few) :]) >= THRESHOLDS.risen_wide * low
    has_gap = end - f.train[-1] >= THRESHOLDS.wide * f.baseline("loss/val")
    is_material = after > low and after - low >= THRESHOLDS.material * f.baseline("loss/val")
    if not is_material or not (is_sure or (is_wide and has_gap)):
        return None
    if f.stopped_early or f.train[-1] - f.train[f.lowest] > (end - low) / 2:
        return None
    text = f"overfitting from epoch {f.lowest + 1}: validation loss {low:.3g} at epoch {f.lowest}, {end:.3g} at the end"
    return f"{text}; training loss {f.train[-1]:.3g}. {remedies.overfitting(f.settings)}"


def _still_improving(f: Facts) -> str | None:
    if not f.is_improving:
        return None
    span = "epoch" if f.recent == 1 else f"{f.recent} epochs"
    before, low = min(f.val[: -f.recent]), min(f.val[-f.recent :])
    text = f"still improving: validation loss fell from {before:.3g} to {low:.3g} in the last {span}"
    return f"{text}; training loss {f.train[-1]:.3g}. {remedies.longer(f.settings, f.epochs)}"


def _underfitting(f: Facts) -> str | None:
    if f.remaining < THRESHOLDS.underfit:
        return None
    text = f"underfitting: training loss has stopped falling at {f.train[-1]:.3g}, {f.remaining_text}"
    return f"{text}; validation loss {f.val[-1]:.3g}. {remedies.bigger(f.settings)}"


def _fits(f: Facts) -> str:
    stopped = f"stopped early after epoch {f.epochs}; " if f.stopped_early else ""
    text = f"fits: {stopped}validation loss {f.val[f.lowest]:.3g} at epoch {f.lowest}, {f.val[-1]:.3g} at the end"
    return f"{text}; training loss {f.train[-1]:.3g}, {f.remaining_text}"


RULES: dict[str, Callable[[Facts], str | None]] = {
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
