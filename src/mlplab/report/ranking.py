"""How well probabilities rank the rows: ROC and precision-recall curves, of each class against the rest."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from matplotlib.axes import Axes
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score, roc_curve

from mlplab.report.lines import Curve, draw_lines

FEW = 4  # curves that are named
MOST = 300  # points of a curve


@dataclass(frozen=True)
class Ranking:
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
