"""What a run told of the rows of a split, and the pictures of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from matplotlib.axes import Axes

from mlplab.report.classification import FEW, Calibration, Confusion, RankingCurves
from mlplab.report.figure import Panel
from mlplab.report.regression import Parity

MOST_TARGETS = 4


@dataclass(frozen=True)
class Predictions:
    """N rows. predictions: (N, C) probabilities, of two classes too; or (N, K) values. chosen: (N,) class indices."""

    rows: str
    features: np.ndarray
    target: np.ndarray
    predictions: np.ndarray
    chosen: np.ndarray | None
    feature_names: Sequence[str]
    class_names: Sequence[str] = ()
    target_names: Sequence[str] = ()
    image_size: Sequence[int] | None = None

    @cached_property
    def confusion(self) -> Confusion:
        assert self.chosen is not None
        return Confusion(self.target, self.chosen, self.class_names)

    @cached_property
    def ranking(self) -> RankingCurves:
        return RankingCurves(self.target, self.predictions, self.class_names)

    @cached_property
    def parity(self) -> Parity:
        return Parity(self.target, self.predictions, self.target_names)

    def hits(self) -> list[Panel]:
        """Confusion matrix; or parity and residuals of each target."""
        if self.chosen is not None:
            side = min(self.confusion.side - 0.7, 8.5)
            caption = "Rows are true classes, columns what was told; a shade is a share of the true class."
            return [Panel("confusion", "Confusion matrix", self.confusion.draw_on, caption, (side, side))]
        panels = []
        for number, name in enumerate(self.target_names[:MOST_TARGETS]):
            of = f" of {name}" if len(self.target_names) > 1 else ""
            panels += [
                Panel(f"parity_{number}", f"Prediction against target{of}", self._parity(number)),
                Panel(f"residuals_{number}", f"Residuals{of}", self._residuals(number)),
            ]
        return panels

    def probabilities(self) -> list[Panel]:
        """Calibration, ROC and precision-recall curves; nothing of values."""
        if self.chosen is None:
            return []
        calibration = Calibration.of(self.predictions, self.target)
        of = f"Of class {self.class_names[1]}. " if len(self.class_names) == 2 else "Of the class that is told. "
        told = f"{of}A dot's area is its share of the rows. Expected calibration error {calibration.error:.3f}."
        panels = [Panel("calibration", "Calibration", calibration.draw, told)]
        if not self.ranking.classes:
            return panels
        against = "Each class against the rest; " if len(self.class_names) > 2 else f"Of class {self.class_names[1]}; "
        if len(self.ranking.classes) > FEW:
            against += "those of the least area are named, the others grey; "
        return [
            *panels,
            Panel("roc", "ROC curve", self.ranking.draw_roc, f"{against}the number is the area."),
            Panel(
                "precision_recall",
                "Precision against recall",
                self.ranking.draw_precision,
                f"{against}the number is the average precision.",
            ),
        ]

    def per_class(self) -> tuple[list[str], list[list[object]]]:
        """Header and rows: precision, recall, f1, support, and the areas under both curves."""
        header, *rows = self.confusion.per_class()
        areas = self.ranking.areas
        added = [[*row, *areas.get(number, (None, None))] for number, row in enumerate(rows)]
        return [*map(str, header), "ROC area", "average precision"], added

    def _parity(self, number: int) -> Callable[[Axes], None]:
        return lambda axes: self.parity.draw_parity(axes, number)

    def _residuals(self, number: int) -> Callable[[Axes], None]:
        return lambda axes: self.parity.draw_residuals(axes, number)
