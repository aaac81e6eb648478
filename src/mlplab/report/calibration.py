"""Does what is told with a probability of 80 % come true in 80 of 100 cases?"""

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes

from mlplab.report.look import COLOURS

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
