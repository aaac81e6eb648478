"""How classes are told apart: confusion matrix and per-class table, as text, rows and picture."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from mlplab.report.console import table

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
        return f"{self._matrix_text()}\n\n{table(list(map(str, header)), rows)}"

    def _matrix_text(self) -> str:
        names, matrix = self.class_names, self.matrix
        if len(names) <= MANY:
            return table(["true class, predicted as", *names], self.rows()[1:])
        wrong = matrix - np.diag(np.diag(matrix))
        worst = np.argsort(-wrong, axis=None, kind="stable")[:10]
        pairs = [divmod(int(place), len(names)) for place in worst if wrong.flat[place]]
        rows = [[names[true], names[told], int(wrong[true, told])] for true, told in pairs]
        return table(["true class", "predicted as", "rows"], rows) + "\n(the most frequent errors)"

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
