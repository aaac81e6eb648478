"""Results of a classifier: confusion matrix, scores per class, calibration, ROC and precision-recall curves."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sklearn.metrics import (
    average_precision_score,
    confusion_matrix,
    precision_recall_curve,
    precision_recall_fscore_support,
    roc_auc_score,
    roc_curve,
)

from mlplab.report.figure import FILE_DPI
from mlplab.report.style import COLOUR_CYCLE, COLOURS, DARK, draw_lines
from mlplab.report.text import format_table

MAX_TEXT_CLASSES = 15  # a larger matrix is wider than a terminal
MAX_COUNTED_CLASSES = 30  # numbers do not fit into the cells of a larger matrix
BINS = 10  # of the calibration curve
FEW = 4  # classes whose curves are labelled
MAX_POINTS = 300  # of a curve
SCORES = ("precision", "recall", "F1")


@dataclass(frozen=True)
class Confusion:
    """target, chosen: true and predicted class indices, (N,)."""

    target: np.ndarray
    chosen: np.ndarray
    class_names: Sequence[str]

    @property
    def matrix(self) -> np.ndarray:
        """(C, C) counts; rows are true classes, columns predicted classes."""
        found: np.ndarray = confusion_matrix(self.target, self.chosen, labels=range(len(self.class_names)))
        return found

    def rows(self) -> list[list[object]]:
        """Returns the matrix as a header and one row per true class."""
        counts = zip(self.class_names, self.matrix.tolist(), strict=True)
        return [["true class", *self.class_names], *([name, *row] for name, row in counts)]

    def per_class(self) -> list[list[object]]:
        """Returns a header, and per class: name, precision, recall, F1 and support."""
        columns = precision_recall_fscore_support(
            self.target, self.chosen, labels=range(len(self.class_names)), zero_division=0.0
        )
        lists = [column.tolist() for column in columns]
        header: list[object] = ["class", "precision", "recall", "f1", "support"]
        return [header, *(list(row) for row in zip(self.class_names, *lists, strict=True))]

    def text(self) -> str:
        header, *rows = self.per_class()
        return f"{self._matrix_text()}\n\n{format_table(list(map(str, header)), rows)}"

    def _matrix_text(self) -> str:
        names, matrix = self.class_names, self.matrix
        if len(names) <= MAX_TEXT_CLASSES:
            return format_table(["true class, predicted as", *names], self.rows()[1:])
        errors = matrix - np.diag(np.diag(matrix))
        worst = np.argsort(-errors, axis=None, kind="stable")[:10]
        pairs = [divmod(int(place), len(names)) for place in worst if errors.flat[place]]
        rows = [[names[true], names[predicted], int(errors[true, predicted])] for true, predicted in pairs]
        return format_table(["true class", "predicted as", "rows"], rows) + "\n(the most frequent errors)"

    def draw(self, title: str, path: str | Path) -> None:
        figure = Figure(figsize=(self.side, self.side), dpi=FILE_DPI, layout="constrained")
        self.draw_on(figure.subplots())
        figure.suptitle(textwrap.fill(title, round(8 * self.side)), x=0.02, ha="left", fontsize=10)
        figure.savefig(path)

    @property
    def side(self) -> float:
        """Width and height in inches, so that the names of all classes fit."""
        return min(12.0, max(4.5, 0.42 * len(self.class_names) + 2.2))

    def draw_on(self, axes: Axes) -> None:
        """Colours each cell by its fraction of the true class and writes the count into it."""
        names, matrix = self.class_names, self.matrix
        fraction = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
        axes.imshow(fraction, cmap="Blues", vmin=0, vmax=1)
        size = 9 if len(names) <= 20 else 6
        turned: dict[str, Any] = (
            {"rotation": 60, "ha": "right", "rotation_mode": "anchor"} if max(map(len, names)) > 3 else {}
        )
        axes.set_xticks(range(len(names)), names, fontsize=size, **turned)
        axes.set_yticks(range(len(names)), names, fontsize=size)
        axes.set(xlabel="predicted class", ylabel="true class")
        axes.spines[:].set_visible(False)
        if len(names) <= MAX_COUNTED_CLASSES:
            for (row, column), count in np.ndenumerate(matrix):
                if count:
                    colour = "white" if fraction[row, column] > 0.5 else DARK
                    axes.text(column, row, f"{count}", ha="center", va="center", fontsize=size - 1, color=colour)


@dataclass(frozen=True)
class Calibration:
    """probability: predicted probabilities, (N,). correct: whether the event of each occurred, (N,)."""

    probability: np.ndarray
    correct: np.ndarray

    @classmethod
    def of(cls, probabilities: np.ndarray, target: np.ndarray) -> "Calibration":
        """Takes the second class of two; of more classes the most probable one. probabilities: (N, C). target: (N,)."""
        if probabilities.shape[1] == 2:
            return cls(probabilities[:, 1], target == 1)
        return cls(probabilities.max(axis=1), probabilities.argmax(axis=1) == target)

    def bins(self) -> list[tuple[float, float, int]]:
        """Returns mean probability, fraction of positives and number of rows per bin that has rows."""
        place = np.minimum((self.probability * BINS).astype(int), BINS - 1)
        groups = [place == number for number in np.unique(place)]
        return [(float(self.probability[at].mean()), float(self.correct[at].mean()), int(at.sum())) for at in groups]

    @property
    def error(self) -> float:
        """Expected calibration error: the mean distance of the two, weighted by rows (Guo et al., 2017)."""
        bins = self.bins()
        return sum(abs(probability - positives) * rows for probability, positives, rows in bins) / len(self.probability)

    def draw(self, axes: Axes) -> None:
        """Draws the calibration curve; the area of a dot is proportional to its number of rows."""
        probability, positives, rows = (np.array(values) for values in zip(*self.bins(), strict=True))
        axes.plot([0, 1], [0, 1], color="0.6", linewidth=1)
        angle: dict[str, Any] = {"rotation": 45, "rotation_mode": "anchor", "transform_rotates_text": True}
        axes.text(0.02, 0.05, "perfectly calibrated", color="0.45", fontsize=9, **angle)
        axes.plot(probability, positives, color=COLOURS["train"], linewidth=1.2, alpha=0.6)
        axes.scatter(probability, positives, s=12 + 240 * rows / rows.sum(), color=COLOURS["train"], zorder=3)
        axes.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03))
        axes.set(xlabel="mean predicted probability", ylabel="fraction of positives")


@dataclass(frozen=True)
class RankingCurves:
    """ROC and precision-recall curves of each class against the rest.

    target: (N,) class indices. probabilities: (N, C). A class without rows, or with all of them, has no curve.
    """

    target: np.ndarray
    probabilities: np.ndarray
    class_names: Sequence[str]

    @cached_property
    def classes(self) -> list[int]:
        """The classes that have curves; of two classes the second alone, as the first has the same area."""
        first = 1 if len(self.class_names) == 2 else 0
        fractions = [(self.target == number).mean() for number in range(len(self.class_names))]
        return [number for number in range(first, len(fractions)) if 0 < fractions[number] < 1]

    @cached_property
    def areas(self) -> dict[int, tuple[float, float]]:
        """Area under the ROC curve and average precision, by class."""
        return {
            number: (float(roc_auc_score(true, score)), float(average_precision_score(true, score)))
            for number, true, score in self._one_against_rest()
        }

    def draw_roc(self, axes: Axes) -> None:
        axes.plot([0, 1], [0, 1], color="0.7", linewidth=1)
        axes.set(xlim=(0, 1), ylim=(0, 1.02), xlabel="false positive rate", ylabel="true positive rate (recall)")
        self._draw(axes, {number: roc_curve(true, score)[:2] for number, true, score in self._one_against_rest()}, 0)

    def draw_precision(self, axes: Axes) -> None:
        axes.set(xlim=(0, 1), ylim=(0, 1.02), xlabel="recall", ylabel="precision")
        pairs = {n: precision_recall_curve(true, score)[:2] for n, true, score in self._one_against_rest()}
        self._draw(axes, {number: (recall[::-1], precision[::-1]) for number, (precision, recall) in pairs.items()}, 1)

    def _one_against_rest(self) -> list[tuple[int, np.ndarray, np.ndarray]]:
        return [(number, self.target == number, self.probabilities[:, number]) for number in self.classes]

    def _draw(self, axes: Axes, curves: dict[int, tuple[np.ndarray, np.ndarray]], area: int) -> None:
        """Draws all curves and labels those with the smallest areas. area: place in `areas`."""
        worst = sorted(curves, key=lambda number: self.areas[number][area])[:FEW]
        labelled = {}
        for number, (x, y) in curves.items():
            places = np.unique(np.linspace(0, len(x) - 1, min(MAX_POINTS, len(x))).round().astype(int))
            if number in worst:
                label = f"{self.class_names[number]}: {self.areas[number][area]:.3f}"
                labelled[label] = (x[places].tolist(), y[places].tolist())
            else:
                axes.plot(x[places], y[places], color="0.6", linewidth=0.8)
        draw_lines(axes, labelled)


def threshold_scores(target: np.ndarray, probability: np.ndarray, thresholds: Sequence[float]) -> np.ndarray:
    """Returns (3, T): precision, recall and F1 of class 1 at each threshold."""
    scores = [
        precision_recall_fscore_support(target, probability >= threshold, average="binary", zero_division=0.0)[:3]
        for threshold in thresholds
    ]
    return np.array(scores, dtype=float).T


def draw_thresholds(axes: Any, scores: np.ndarray, thresholds: Sequence[float]) -> None:
    """scores: (3, T), as threshold_scores returns them."""
    axes.set(xlabel="threshold", ylabel="score", ylim=(0, 1.02), xlim=(thresholds[0], thresholds[-1]))
    axes.set_title("Precision, recall and F1 by threshold", fontsize=10)
    draw_lines(axes, {name: ([*thresholds], row.tolist()) for name, row in zip(SCORES, scores, strict=True)})


def draw_threshold_curves(
    roc: Any, pr: Any, target: np.ndarray, probability: np.ndarray, thresholds: Sequence[float]
) -> None:
    """Draws the ROC curve on `roc` and the precision-recall curve on `pr`, with a dot at each threshold."""
    false, true, _ = roc_curve(target, probability)
    precision, recall, _ = precision_recall_curve(target, probability)
    at = threshold_scores(target, probability, thresholds)
    false_rates = [float((probability[target == 0] >= threshold).mean()) for threshold in thresholds]
    roc.plot([0, 1], [0, 1], color="0.6", linewidth=1)
    roc.set(xlabel="false positive rate", ylabel="true positive rate (recall)")
    roc.set_title(f"ROC: area {roc_auc_score(target, probability):.2f}; chance 0.50", fontsize=10)
    pr.axhline(target.mean(), color="0.6", linewidth=1)
    pr.set(xlabel="recall", ylabel="precision")
    pr.set_title(f"Precision-recall; chance {target.mean():.2f}", fontsize=10)
    sides = ((roc, (false, true), (false_rates, at[1]), (3, -11)), (pr, (recall, precision), (at[1], at[0]), (4, 4)))
    for axes, curve, dots, offset in sides:
        axes.plot(*curve, color=COLOUR_CYCLE[0], linewidth=2)
        axes.plot(*dots, "o", color="black", markersize=4)
        axes.set(xlim=(0, 1.02), ylim=(0, 1.1))
        for place in {0, len(thresholds) // 2, len(thresholds) - 1}:
            x, y = dots[0][place], dots[1][place]
            axes.annotate(f"{thresholds[place]:g}", (x, y), offset, textcoords="offset points", fontsize=8)
