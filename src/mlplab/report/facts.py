"""The recorded numbers that a verdict stands on: history.csv, diagnosis.json, config.yaml and the best epoch."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

Row = Mapping[str, float]


@dataclass(frozen=True)
class Limits:
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


LIMITS = Limits()


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
        return "accuracy/val" in self.rows[0]

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
        return self.val[-1] - self.train[-1] >= LIMITS.wide * self.baseline("loss/val")

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
        if self.settings["choice.learner"] != "binary_classifier":
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
        return self.gain >= max(LIMITS.improved * before, LIMITS.worth * self.baseline("loss/val"))

    @property
    def is_no_better(self) -> bool:
        """Than the baseline: by accuracy, beyond chance, and by loss; of values by R2."""
        if not self.is_classes:
            return self.best["r2/val"] < LIMITS.no_better
        constant = self.baseline("accuracy/val")
        chance = LIMITS.errors * math.sqrt(constant * (1 - constant) / self.count("val"))
        higher = self.best["accuracy/val"] > constant + max(chance, LIMITS.no_better)
        least = 1 - max(LIMITS.no_better, 0.5 / math.sqrt(self.count("val")))
        return not higher and self.val[self.lowest] >= least * self.baseline("loss/val")
