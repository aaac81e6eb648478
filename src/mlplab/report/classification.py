"""How classes are told apart: confusion matrix and per-class table, as text, rows and picture."""

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

from mlplab.report.style import COLOUR_CYCLE, COLOURS, Curve, draw_lines
from mlplab.report.text import format_table

DARK = "#111111"  # on a light cell, on a dark page too
MANY = 15  # classes, above which a matrix is wider than a terminal


@dataclass(frozen=True)
class Confusion:
    """target, chosen: (N,) class indices."""

    target: np.ndarray
    chosen: np.ndarray
    class_names: Sequence[str]

    @property
    def matrix(self) -> np.ndarray:
        """(C, C) counts; a row is a true class, a column a predicted one."""
        found: np.ndarray = confusion_matrix(self.target, self.chosen, labels=range(len(self.class_names)))
        return found

    def rows(self) -> list[list[object]]:
        """A header, then a true class a row."""
        counts = zip(self.class_names, self.matrix.tolist(), strict=True)
        return [["true class", *self.class_names], *([name, *row] for name, row in counts)]

    def per_class(self) -> list[list[object]]:
        """A header, then class, precision, recall, f1 and support."""
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
        if len(names) <= MANY:
            return format_table(["true class, predicted as", *names], self.rows()[1:])
        wrong = matrix - np.diag(np.diag(matrix))
        worst = np.argsort(-wrong, axis=None, kind="stable")[:10]
        pairs = [divmod(int(place), len(names)) for place in worst if wrong.flat[place]]
        rows = [[names[true], names[told], int(wrong[true, told])] for true, told in pairs]
        return format_table(["true class", "predicted as", "rows"], rows) + "\n(the most frequent errors)"

    def draw(self, title: str, path: str | Path) -> None:
        figure = Figure(figsize=(self.side, self.side), dpi=150, layout="constrained")
        self.draw_on(figure.subplots())
        figure.suptitle(textwrap.fill(title, round(8 * self.side)), x=0.02, ha="left", fontsize=10)
        figure.savefig(path)

    @property
    def side(self) -> float:
        """Of a picture that has room for all classes, in inches."""
        return min(12.0, max(4.5, 0.42 * len(self.class_names) + 2.2))

    def draw_on(self, axes: Axes) -> None:
        """A cell's shade is its share of the true class; its number counts rows."""
        names, matrix = self.class_names, self.matrix
        share = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
        axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
        small = 9 if len(names) <= 20 else 6
        turned: dict[str, Any] = (
            {"rotation": 60, "ha": "right", "rotation_mode": "anchor"} if max(map(len, names)) > 3 else {}
        )
        axes.set_xticks(range(len(names)), names, fontsize=small, **turned)
        axes.set_yticks(range(len(names)), names, fontsize=small)
        axes.set_xlabel("predicted class")
        axes.set_ylabel("true class")
        axes.spines[:].set_visible(False)
        if len(names) <= 30:
            for (row, column), count in np.ndenumerate(matrix):
                if count:
                    colour = "white" if share[row, column] > 0.5 else DARK
                    axes.text(column, row, f"{count}", ha="center", va="center", fontsize=small - 1, color=colour)


BINS = 10


@dataclass(frozen=True)
class Calibration:
    """told: (N,) probabilities. true: (N,) whether what was told came true."""

    told: np.ndarray
    true: np.ndarray

    @classmethod
    def of(cls, probabilities: np.ndarray, target: np.ndarray) -> "Calibration":
        """Of two classes, the second; of more, the one that is told. probabilities: (N, C). target: (N,)."""
        if probabilities.shape[1] == 2:
            return cls(probabilities[:, 1], target == 1)
        return cls(probabilities.max(axis=1), probabilities.argmax(axis=1) == target)

    def bins(self) -> list[tuple[float, float, int]]:
        """Of each tenth that has rows: mean probability, share that came true, rows."""
        place = np.minimum((self.told * BINS).astype(int), BINS - 1)
        held = [place == number for number in range(BINS)]
        return [(float(self.told[at].mean()), float(self.true[at].mean()), int(at.sum())) for at in held if at.any()]

    @property
    def error(self) -> float:
        """The expected calibration error: mean distance of the two, weighted by rows (Guo et al., 2017)."""
        return sum(abs(told - true) * rows for told, true, rows in self.bins()) / len(self.told)

    def draw(self, axes: Axes) -> None:
        """A dot's area is its share of the rows."""
        told, true, rows = (np.array(values) for values in zip(*self.bins(), strict=True))
        axes.plot([0, 1], [0, 1], color="0.6", linewidth=1)
        axes.text(0.02, 0.07, "as told", color="0.45", fontsize=9, rotation=36, rotation_mode="anchor")
        axes.plot(told, true, color=COLOURS["train"], linewidth=1.2, alpha=0.6)
        axes.scatter(told, true, s=12 + 240 * rows / rows.sum(), color=COLOURS["train"], zorder=3)
        axes.set(
            xlim=(-0.03, 1.03), ylim=(-0.03, 1.03), xlabel="probability that is told", ylabel="share that came true"
        )


FEW = 4  # curves that are named
MOST = 300  # points of a curve


@dataclass(frozen=True)
class RankingCurves:
    """target: (N,) class indices. probabilities: (N, C). A class without rows, or with all of them, has no curve."""

    target: np.ndarray
    probabilities: np.ndarray
    class_names: Sequence[str]

    @cached_property
    def classes(self) -> list[int]:
        """Of two classes the second alone: the first has the same area."""
        first = 1 if len(self.class_names) == 2 else 0
        shares = [(self.target == number).mean() for number in range(len(self.class_names))]
        return [number for number in range(first, len(shares)) if 0 < shares[number] < 1]

    @cached_property
    def areas(self) -> dict[int, tuple[float, float]]:
        """By class: area under the ROC curve, average precision."""
        return {
            number: (float(roc_auc_score(true, told)), float(average_precision_score(true, told)))
            for number, true, told in self._sides()
        }

    def draw_roc(self, axes: Axes) -> None:
        axes.plot([0, 1], [0, 1], color="0.7", linewidth=1)
        axes.set(xlim=(0, 1), ylim=(0, 1.02), xlabel="false positive rate", ylabel="true positive rate (recall)")
        curves = {number: _thin(*roc_curve(true, told)[:2]) for number, true, told in self._sides()}
        self._draw(axes, curves, 0)

    def draw_precision(self, axes: Axes) -> None:
        axes.set(xlim=(0, 1), ylim=(0, 1.02), xlabel="recall", ylabel="precision")
        curves = {}
        for number, true, told in self._sides():
            precision, recall, _ = precision_recall_curve(true, told)
            curves[number] = _thin(recall[::-1], precision[::-1])
        self._draw(axes, curves, 1)

    def _sides(self) -> list[tuple[int, np.ndarray, np.ndarray]]:
        return [(number, self.target == number, self.probabilities[:, number]) for number in self.classes]

    def _draw(self, axes: Axes, curves: dict[int, Curve], which: int) -> None:
        """All classes; where they are many, the worst are named."""
        worst = sorted(curves, key=lambda number: self.areas[number][which])[:FEW]
        for number in set(curves) - set(worst):
            axes.plot(*curves[number], color="0.6", linewidth=0.8)
        draw_lines(axes, {f"{self.class_names[n]}: {self.areas[n][which]:.3f}": curves[n] for n in sorted(worst)})


def _thin(x: np.ndarray, y: np.ndarray) -> Curve:
    kept = np.unique(np.linspace(0, len(x) - 1, min(MOST, len(x))).round().astype(int))
    return x[kept].tolist(), y[kept].tolist()


SCORES = ("precision", "recall", "F1")


def threshold_scores(target: np.ndarray, probability: np.ndarray, thresholds: Sequence[float]) -> np.ndarray:
    """(3, T): precision, recall and F1 of class 1."""
    every = [
        precision_recall_fscore_support(target, probability >= threshold, average="binary", zero_division=0.0)[:3]
        for threshold in thresholds
    ]
    return np.array(every, dtype=float).T


def draw_thresholds(axes: Any, scores: np.ndarray, thresholds: Sequence[float]) -> None:
    axes.set(xlabel="threshold", ylabel="score", ylim=(0, 1.02), xlim=(thresholds[0], thresholds[-1]))
    axes.set_title("The threshold is a choice", fontsize=10)
    draw_lines(axes, {name: ([*thresholds], row.tolist()) for name, row in zip(SCORES, scores, strict=True)})


def draw_curves(roc: Any, pr: Any, target: np.ndarray, probability: np.ndarray, thresholds: Sequence[float]) -> None:
    false, true, _ = roc_curve(target, probability)
    precision, recall, _ = precision_recall_curve(target, probability)
    at = threshold_scores(target, probability, thresholds)
    alarms = [float((probability[target == 0] >= threshold).mean()) for threshold in thresholds]
    roc.plot([0, 1], [0, 1], color="0.6", linewidth=1)
    roc.set(xlabel="false positive rate", ylabel="true positive rate (recall)")
    roc.set_title(f"ROC: area {roc_auc_score(target, probability):.2f}; guess 0.50", fontsize=10)
    pr.axhline(target.mean(), color="0.6", linewidth=1)
    pr.set(xlabel="recall", ylabel="precision")
    pr.set_title(f"Precision-recall; guess {target.mean():.2f}", fontsize=10)
    sides = ((roc, (false, true), (alarms, at[1]), (3, -11)), (pr, (recall, precision), (at[1], at[0]), (4, 4)))
    for axes, curve, dots, aside in sides:
        axes.plot(*curve, color=COLOUR_CYCLE[0], linewidth=2)
        axes.plot(*dots, "o", color="black", markersize=4)
        axes.set(xlim=(0, 1.02), ylim=(0, 1.1))
        for place in {0, len(thresholds) // 2, len(thresholds) - 1}:
            x, y = dots[0][place], dots[1][place]
            axes.annotate(f"{thresholds[place]:g}", (x, y), aside, textcoords="offset points", fontsize=8)
