"""Results of a regression: predictions against targets, residuals."""

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mlplab.report.figure import FILE_DPI
from mlplab.report.style import COLOURS, hide_spines
from mlplab.report.text import format_table

RESIDUAL_COLUMNS = ("residual (target - prediction) of", "mean", "std", "min", "median", "max")


@dataclass(frozen=True)
class Parity:
    """target, predictions: (N, K), in the unit of the target."""

    target: np.ndarray
    predictions: np.ndarray
    target_names: Sequence[str]

    @property
    def residuals(self) -> np.ndarray:
        """(N, K): target - prediction."""
        return self.target.astype(np.float64) - self.predictions

    def rows(self) -> list[list[object]]:
        """Returns a header, and per row its number with target, prediction and residual of each target."""
        kinds = {"": self.target, "predicted ": self.predictions, "residual of ": self.residuals}
        header = [f"{kind}{name}" for name in self.target_names for kind in kinds]
        values = np.stack([*kinds.values()], axis=2).reshape(len(self.target), -1)
        return [["row", *header], *([row, *cells] for row, cells in enumerate(values.tolist(), start=1))]

    def per_target(self) -> list[list[object]]:
        """Returns per target the cells of RESIDUAL_COLUMNS."""
        return [
            [name, *map(float, (r.mean(), r.std(), r.min(), np.median(r), r.max()))]
            for name, r in zip(self.target_names, self.residuals.T, strict=True)
        ]

    def text(self) -> str:
        return format_table(RESIDUAL_COLUMNS, self.per_target())

    def draw(self, title: str, path: str | Path) -> None:
        """Draws one row of panels per target: prediction against target, residual against prediction."""
        count = len(self.target_names)
        figure = Figure(figsize=(9, 4.2 * count), dpi=FILE_DPI, layout="constrained")
        figure.suptitle(title, x=0.01, ha="left", fontsize=10)
        grid = figure.subplots(count, 2, squeeze=False)
        for number, (parity, residuals) in enumerate(grid):
            self.draw_parity(parity, number)
            self.draw_residuals(residuals, number)
        for axes in grid.flat:
            hide_spines(axes)
        figure.savefig(path)

    def draw_parity(self, axes: Axes, number: int) -> None:
        """Draws prediction against target. number: of the target."""
        name, target, predicted = self.target_names[number], self.target[:, number], self.predictions[:, number]
        ends = [float(min(target.min(), predicted.min())), float(max(target.max(), predicted.max()))]
        axes.plot(ends, ends, color="0.6", linewidth=1, label="prediction = target")
        axes.scatter(target, predicted, **self._dots)
        axes.set_xlabel(f"target: {name}")
        axes.set_ylabel(textwrap.fill(f"prediction: {name}", 32))
        axes.legend(frameon=False, loc="upper left")

    def draw_residuals(self, axes: Axes, number: int) -> None:
        """Draws residual against prediction. number: of the target."""
        axes.axhline(0, color="0.6", linewidth=1)
        axes.scatter(self.predictions[:, number], self.residuals[:, number], **self._dots)
        axes.set_xlabel(f"prediction: {self.target_names[number]}")
        axes.set_ylabel("residual (target - prediction)")

    @property
    def _dots(self) -> dict[str, Any]:
        """Arguments of scatter; many dots become one image in an SVG, which keeps the file small."""
        size = float(np.clip(3000 / len(self.target), 2, 25))
        many = len(self.target) > 1000
        return {"s": size, "color": COLOURS["train"], "alpha": 0.5, "linewidths": 0, "rasterized": many}


def draw_spread(axes: Any, values: Mapping[str, Sequence[float] | np.ndarray]) -> None:
    """Draws one row of dots per name with a mark at the mean, the smallest mean at the top."""
    names = sorted(values, key=lambda name: float(np.mean(values[name])))
    for row, name in enumerate(names):
        axes.plot(values[name], [row] * len(values[name]), "o", color="0.65", markersize=4, linewidth=0)
        axes.plot([np.mean(values[name])], [row], "|", color="black", markersize=14, markeredgewidth=2)
    axes.yaxis.tick_right()
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="y", color="0.92")
    axes.set_axisbelow(True)
