"""What a run came to, in a word and in a sentence: a closed list of rules in order, of which the first that matches
wins."""

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
class Facts:
    """rows: the history, epoch 0 first. best_epoch: of scores.json. diagnosis: of diagnosis.json. settings: the values
    of config.yaml by dotted key."""

    rows: Sequence[Row]
    best_epoch: int
    diagnosis: Mapping[str, Any]
    settings: Mapping[str, Any]

    @property
    def epochs(self) -> int:
        return len(self.rows) - 1

    @cached_property
    def train(self) -> list[float]:
        """The training loss by epoch."""
        return [row["loss/train"] for row in self.rows]

    @cached_property
    def val(self) -> list[float]:
        return [row["loss/val"] for row in self.rows]

    @cached_property
    def lowest(self) -> int:
        """The epoch of the lowest validation loss; the untouched network, epoch 0, does not count."""
        return min(range(1, len(self.val)), key=self.val.__getitem__)

    @property
    def best(self) -> Row:
        return self.rows[self.best_epoch]

    @property
    def is_classes(self) -> bool:
        return not is_regression(self.settings["choice.learner"])

    def baseline(self, score: str) -> float:
        """What the best constant of the training targets scores."""
        return float(self.diagnosis["baseline"][score])

    def count(self, split: str) -> int:
        return int(self.diagnosis["rows"][split])

    @property
    def left(self) -> float:
        """The share of the baseline's training loss that is left at the end; of values, of their variance."""
        if not self.is_classes:
            return 1 - self.rows[-1]["r2/train"]
        return self.train[-1] / max(self.baseline("loss/train"), 1e-12)

    @property
    def rise(self) -> float:
        """By how many standard errors the last weights tell the rows of val worse than the best ones do."""
        found = self.diagnosis["rise"]
        return float(found["mean"] / max(found["error"], 1e-12))

    @property
    def has_parted(self) -> bool:
        """Whether the validation loss has ended far above the training loss, in a few rows or in all."""
        return self.val[-1] - self.train[-1] >= THRESHOLDS.wide * self.baseline("loss/val")

    @property
    def recent(self) -> int:
        """Epochs in the last quarter, at least one."""
        return max(1, self.epochs // 4)

    @property
    def gain(self) -> float:
        """How far the validation loss fell in the last quarter below the lowest before it."""
        return min(self.val[: -self.recent]) - min(self.val[-self.recent :])

    @property
    def balanced(self) -> float:
        """The share of rows that are found, a mean over the classes of val, at the best epoch."""
        recall = self.best["recall/val"]
        if LEARNER_TASKS[self.settings["choice.learner"]] != "binary":
            return recall
        ones = [*self.diagnosis["shares"].values()][1]  # recall is that of class 1; with accuracy it tells the other's
        return (recall + (self.best["accuracy/val"] - ones * recall) / max(1 - ones, 1e-12)) / 2

    @property
    def layers(self) -> list[Mapping[str, Any]]:
        return list(self.diagnosis["layers"])

    def place(self, number: int) -> str:
        """What a layer is called, by its number from 0."""
        kind = "the output layer" if number == len(self.layers) - 1 else f"hidden layer {number + 1}"
        return f"{kind} ({self.layers[number]['name']})"

    def noise(self, share: float, times: float) -> float:
        """So many standard errors of the difference of a share of train's and val's rows."""
        rows = 1 / self.count("train") + 1 / self.count("val")
        return times * math.sqrt(share * (1 - share) * rows)

    @property
    def of_baseline(self) -> str:
        what = "of the baseline's" if self.is_classes else "of the variance left"
        return f"{self.left:.0%} {what}"

    @property
    def stopped_early(self) -> bool:
        """Early stopping waits `patience` epochs for a better one: that the validation loss ends higher is no fault."""
        patience = self.settings.get("callback.early_stopping.patience", math.inf)
        return self.epochs < self.settings["trainer.max_epochs"] and self.epochs - self.best_epoch >= patience

    @property
    def is_improving(self) -> bool:
        before = min(self.val[: -self.recent])
        return self.gain >= max(THRESHOLDS.improved * before, THRESHOLDS.worth * self.baseline("loss/val"))

    @property
    def is_no_better(self) -> bool:
        """Than the baseline: by accuracy, beyond chance, and by loss; of values by R2."""
        if not self.is_classes:
            return self.best["r2/val"] < THRESHOLDS.no_better
        constant = self.baseline("accuracy/val")
        chance = THRESHOLDS.errors * math.sqrt(constant * (1 - constant) / self.count("val"))
        higher = self.best["accuracy/val"] > constant + max(chance, THRESHOLDS.no_better)
        least = 1 - max(THRESHOLDS.no_better, 0.5 / math.sqrt(self.count("val")))
        return not higher and self.val[self.lowest] >= least * self.baseline("loss/val")


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
    above = THRESHOLDS.diverged + 1 / math.sqrt(
        f.count("train")
    )  # a few rows may be met worse while all are met better
    if f.train[-1] < above * f.train[0] or f.train[-1] <= f.baseline("loss/train"):
        return None
    told = f"diverging: training loss ends at {f.train[-1]:.3g}, above the {f.train[0]:.3g} where it began"
    return f"{told}. The learning rate is too high. {remedies.too_high(f.settings)}"


def _lr_too_high(f: Facts) -> str | None:
    if f.epochs < THRESHOLDS.swing_epochs:
        return None
    half = f.train[-(f.epochs // 2) - 1 :]
    rises = [max(0.0, after - before) for before, after in pairwise(half)]
    often = sum(rise > 0 for rise in rises) / len(rises)
    if often < THRESHOLDS.turns or sum(rises) / len(rises) < THRESHOLDS.swing * f.baseline("loss/train"):
        return None
    told = f"learning rate too high: training loss swings between {min(half):.3g} and {max(half):.3g}"
    return f"{told} in the last {len(rises)} epochs. {remedies.too_high(f.settings)}"


def _dead_units(f: Facts) -> str | None:
    shares = [layer["dead"]["end"] if layer["rectified"] else 0.0 for layer in f.layers]
    worst = max(range(len(shares)), key=shares.__getitem__, default=None)
    if worst is None or shares[worst] < THRESHOLDS.dead or f.left < THRESHOLDS.lamed:
        return None
    before = f.layers[worst]["dead"]["start"]
    told = f"dead units: {shares[worst]:.0%} of the ReLU units of {f.place(worst)} never fire on the training rows"
    born = before >= THRESHOLDS.dead
    return f"{told} ({before:.0%} at the start), so they learn nothing. {remedies.dead(f.settings, born)}"


def _vanishing_gradient(f: Facts) -> str | None:
    if f.left < THRESHOLDS.stuck:
        return None
    for when in ("start", "end"):
        norms = [layer["gradient"][when] for layer in f.layers]
        least = min(range(len(norms)), key=norms.__getitem__, default=None)
        if least is None or norms[least] >= THRESHOLDS.vanished * max(norms) > 0:
            continue
        largest = f"of {f.place(norms.index(max(norms)))} {max(norms):.1g}" if max(norms) else "as of every layer"
        told = (
            f"vanishing gradient: at the {when} the gradient by the weights of {f.place(least)} is {norms[least]:.1g}"
        )
        left = f"training loss ends at {f.train[-1]:.3g}, {f.of_baseline}"
        return f"{told}, {largest}; {left}. {remedies.vanishing(f.settings)}"
    return None


def _lr_too_low(f: Facts) -> str | None:
    if f.epochs < THRESHOLDS.slope_epochs or f.left < THRESHOLDS.stuck or f.val[-1] >= f.val[0]:
        return None
    falls = [before - after for before, after in pairwise(f.train)]
    middle = f.train[f.epochs // 2]
    first, second = f.train[0] - middle, middle - f.train[-1]
    if sum(fall > 0 for fall in falls) < THRESHOLDS.falls * len(falls) or second < THRESHOLDS.steady * first:
        return None
    told = f"learning rate too low: training loss fell steadily but only from {f.train[0]:.4g} to {f.train[-1]:.4g}"
    return f"{told} in {f.epochs} epochs, {f.of_baseline}. {remedies.too_low(f.settings)}"


def _suspiciously_perfect(f: Facts) -> str | None:
    score = "accuracy" if f.is_classes else "r2"
    reached = f.best[f"{score}/val"]
    if reached < THRESHOLDS.perfect or f.count("val") < THRESHOLDS.perfect_rows or remedies.made_by_formula(f.settings):
        return None
    told = f"suspiciously perfect: {_WORDS[score]} {reached:.4g} on {f.count('val'):,} validation rows"
    return f"{told}. Does a feature hold the target, or do rows stand in two splits? {remedies.leak(f.settings)}"


def _validation_better(f: Facts) -> str | None:
    if f.settings.get("data.label_noise"):  # of training targets only: that is why
        return None
    last = f.rows[-1]
    if f.is_classes:
        train, val = last["accuracy/train"], last["accuracy/val"]
        chance = f.noise((train + val) / 2, THRESHOLDS.errors)
        if val - train < max(THRESHOLDS.better, chance) or f.val[-1] >= f.train[-1]:
            return None
        words = f"accuracy {val:.3g} against {train:.3g}"
    else:
        train, val = last["mse/train"], last["mse/val"]
        spread = 2 * math.sqrt(1 / f.count("train") + 1 / f.count("val"))  # of a ratio of squared errors, tails heavy
        if (
            f.left < THRESHOLDS.better
            or train < max(THRESHOLDS.better_ratio, math.exp(THRESHOLDS.errors * spread)) * val
        ):
            return None
        words = f"mean squared error {val:.3g} against {train:.3g}"
    told = f"validation better than training: {words} at the end, more than chance would give"
    return f"{told}. The splits are not alike: easier, cleaner or copied rows in val? {remedies.unlike(f.settings)}"


def _uneven_classes(f: Facts) -> str | None:
    if not f.is_classes or f.baseline("accuracy/val") < THRESHOLDS.uneven:
        return None
    accuracy = f.best["accuracy/val"]
    if accuracy - f.balanced < THRESHOLDS.misled:
        return None
    shares = f.diagnosis["shares"]
    largest = max(shares, key=shares.__getitem__)
    told = f"uneven classes: accuracy {accuracy:.3g} misleads, for {shares[largest]:.0%} of the rows are {largest}"
    return f"{told}; a mean over the classes finds {f.balanced:.0%} of their rows. {remedies.uneven(f.settings)}"


def _no_better_than_baseline(f: Facts) -> str | None:
    if not f.is_no_better or (f.is_improving and f.left >= THRESHOLDS.stuck):
        return None
    name = "majority class" if f.is_classes else "training mean"
    low = f"lowest validation loss {f.val[f.lowest]:.3g} @ {f.lowest}, of the {name} {f.baseline('loss/val'):.3g}"
    told = f"no better than the baseline: {low}; training loss ends at {f.train[-1]:.3g}"
    return f"{told}, {f.of_baseline}. {remedies.no_better(f.settings, f.left < THRESHOLDS.stuck)}"


def _overfitting(f: Facts) -> str | None:
    low, end = f.val[f.lowest], f.val[-1]
    lasting = max(1, round(THRESHOLDS.lasting * f.epochs))
    after = min(f.val[-lasting:])
    is_sure = after >= THRESHOLDS.risen * low and (
        f.rise >= THRESHOLDS.sure or f.train[-1] <= THRESHOLDS.by_heart * end
    )
    is_wide = min(f.val[-max(lasting, THRESHOLDS.few) :]) >= THRESHOLDS.risen_wide * low and f.has_parted
    if after <= low or after - low < THRESHOLDS.material * f.baseline("loss/val") or not (is_sure or is_wide):
        return None
    if f.stopped_early or f.train[-1] - f.train[f.lowest] > (end - low) / 2:
        return None
    told = f"overfitting from epoch {f.lowest + 1}: validation loss best {low:.3g} @ {f.lowest}, now {end:.3g}"
    return f"{told}; training {f.train[-1]:.3g}. {remedies.overfitting(f.settings)}"


def _still_improving(f: Facts) -> str | None:
    if not f.is_improving:
        return None
    span = "epoch" if f.recent == 1 else f"{f.recent} epochs"
    before, low = min(f.val[: -f.recent]), min(f.val[-f.recent :])
    told = f"still improving: validation loss fell from {before:.3g} to {low:.3g} in the last {span}"
    return f"{told}; training {f.train[-1]:.3g}. {remedies.longer(f.settings, f.epochs)}"


def _underfitting(f: Facts) -> str | None:
    if f.left < THRESHOLDS.underfit:
        return None
    told = f"underfitting: training loss {f.train[-1]:.3g}, {f.of_baseline}, falls no more"
    return f"{told}; validation {f.val[-1]:.3g}. {remedies.bigger(f.settings)}"


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


@dataclass(frozen=True)
class Thresholds:
    """Every threshold. Shares and ratios, but for counts of epochs and rows, and standard errors."""

    diverged: float = 1.05  # training loss at the end by that at the start; and 1 / sqrt(rows) more
    swing: float = 0.03  # mean rise of training loss between epochs of the last half, by the baseline's loss
    turns: float = 0.2  # share of epochs of the last half in which it rises
    dead: float = 0.5  # share of the ReLU units of a layer
    lamed: float = 0.25  # of the baseline's training loss: so much is left where dead units matter
    vanished: float = 1e-3  # a layer's gradient by the largest of all layers
    stuck: float = 0.5  # of the baseline's training loss: so much is left where a gradient vanishes or lr is too low
    falls: float = 0.8  # share of epochs in which training loss falls, with lr too low
    steady: float = 0.6  # fall in the second half of the epochs by that in the first, with lr too low
    perfect: float = 0.999  # accuracy or R2 on val
    perfect_rows: int = 100  # of val
    better: float = 0.05  # by so much is val's accuracy above training's; of training's variance so much is left
    better_ratio: float = 1.5  # training's mean squared error by val's
    errors: float = 3.0  # standard errors that such a difference needs
    uneven: float = 0.8  # share of the largest class
    misled: float = 0.2  # accuracy less the mean over classes
    no_better: float = 0.03  # lowest validation loss below the baseline's, or 0.5 / sqrt(rows); of values R2 of val
    risen: float = 1.1  # validation loss by its lowest, in all of the last epochs
    sure: float = 2.0  # standard errors of that rise, row by row
    by_heart: float = 0.25  # of the validation loss: a training loss this low makes it sure, too
    wide: float = 0.25  # of the baseline's validation loss: where the losses part by so much, a smaller rise tells
    risen_wide: float = 1.05  # and this is it, however sure
    few: int = 3  # epochs at least in which it lasts
    lasting: float = 0.1  # share of the epochs that these are
    material: float = 0.005  # rise of validation loss by the baseline's: less is nothing
    improved: float = 0.05  # fall of validation loss in the last quarter of the epochs, by the lowest before
    worth: float = 0.01  # the same by the baseline's
    underfit: float = 0.6  # of the baseline's training loss (of values: of the variance) that is left
    swing_epochs: int = 4  # least to tell a swing
    slope_epochs: int = 8  # least to tell a slope


THRESHOLDS = Thresholds()
