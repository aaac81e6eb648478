"""The predictions on the rows of one split, and the figures and tables made from them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np

from mlplab.report.classification import FEW, Calibration, Confusion, RankingCurves
from mlplab.report.figure import Panel
from mlplab.report.regression import Parity

MAX_TARGETS = 4  # that have figures


@dataclass(frozen=True)
class Predictions:
    """N rows of a split.

    rows: what they are called in titles. predictions: class probabilities (N, C), for two classes too; for regression
    (N, K). chosen: predicted class indices (N,), None for regression.
    """

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

    def result_panels(self) -> list[Panel]:
        """Returns the confusion matrix; or predictions and residuals per target."""
        if self.chosen is not None:
            side = min(self.confusion.side - 0.7, 8.5)
            caption = "Numbers are counts of rows; the colour is the fraction of the true class."
            return [Panel("confusion", "Confusion matrix", self.confusion.draw_on, caption, (side, side))]
        panels, draw_parity, draw_residuals = [], self.parity.draw_parity, self.parity.draw_residuals
        for number, name in enumerate(self.target_names[:MAX_TARGETS]):
            suffix = f" of {name}" if len(self.target_names) > 1 else ""
            panels += [
                Panel(f"parity_{number}", f"Prediction against target{suffix}", partial(draw_parity, number=number)),
                Panel(f"residuals_{number}", f"Residuals{suffix}", partial(draw_residuals, number=number)),
            ]
        return panels

    def probability_panels(self) -> list[Panel]:
        """Returns calibration, ROC and precision-recall curves; nothing for regression."""
        if self.chosen is None:
            return []
        panels = [self._calibration_panel()]
        if not self.ranking.classes:
            return panels
        caption = "Each class against the rest; " if len(self.class_names) > 2 else f"Class {self.class_names[1]}; "
        if len(self.ranking.classes) > FEW:
            caption += f"the {FEW} classes with the smallest areas are labelled, the others grey; "
        area, average = (
            f"{caption}the number is the {number}." for number in ("area under the curve", "average precision")
        )
        return [
            *panels,
            Panel("roc", "ROC curve", self.ranking.draw_roc, area),
            Panel("precision_recall", "Precision-recall curve", self.ranking.draw_precision, average),
        ]

    def per_class(self) -> tuple[list[str], list[list[object]]]:
        """Returns header and rows: precision, recall, F1, support, ROC AUC and average precision."""
        header, *rows = self.confusion.per_class()
        areas = self.ranking.areas
        cells = [[*row, *areas.get(number, (None, None))] for number, row in enumerate(rows)]
        return [*map(str, header), "ROC AUC", "average precision"], cells

    def classified_rows(self, places: np.ndarray) -> list[list[object]]:
        """Returns the row, counted from 1, and its true and its predicted class with their probabilities."""
        assert self.chosen is not None
        rows: list[list[object]] = []
        for at in places.tolist():
            classes = (int(self.target[at]), int(self.chosen[at]))
            cells = [(self.class_names[number], float(self.predictions[at, number])) for number in classes]
            rows.append([at + 1, *cells[0], *cells[1]])
        return rows

    def _calibration_panel(self) -> Panel:
        calibration = Calibration.of(self.predictions, self.target)
        two = len(self.class_names) == 2
        event = f"Probability of class {self.class_names[1]}" if two else "Probability of the predicted class"
        caption = (
            f"{event}; a dot's area is proportional to its number of rows. "
            f"Expected calibration error {calibration.error:.3f}."
        )
        return Panel("calibration", "Calibration curve", calibration.draw, caption)
