"""Classes of points in the plane, with exact formulas."""

from abc import abstractmethod
from dataclasses import dataclass

import numpy as np

from mlplab.data.generated import Generated
from mlplab.data.rows import Rows


@dataclass(kw_only=True)
class Points(Generated):
    """`place` gives (N, 2) points for (N,) classes; noise is added to the coordinates."""

    num_classes: int = 2

    def draw(self, generator: np.random.Generator) -> Rows:
        label = np.arange(self.num_rows) % self.num_classes
        points = self.place(label, generator) + self.noise * generator.standard_normal((self.num_rows, 2))
        return Rows(points, label, feature_names=("x1", "x2"))

    @abstractmethod
    def place(self, label: np.ndarray, generator: np.random.Generator) -> np.ndarray: ...


@dataclass(kw_only=True)
class Xor(Points):
    """Corners (+-1, +-1); class 1 where the signs of x1 and x2 differ."""

    def place(self, label: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        first = generator.choice([-1.0, 1.0], len(label))
        return np.stack([first, np.where(label == 1, -first, first)], axis=1)


@dataclass(kw_only=True)
class Moons(Points):
    """Half circles: (cos t, sin t) for class 0, (1 - cos t, 1/2 - sin t) for class 1, t uniform in 0..pi."""

    def place(self, label: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        angle = generator.uniform(0, np.pi, len(label))
        upper = np.stack([np.cos(angle), np.sin(angle)], axis=1)
        return np.where(label[:, None] == 0, upper, [1, 0.5] - upper)


@dataclass(kw_only=True)
class Circles(Points):
    """Radius 1 for class 0, `factor` for class 1; the angle uniform in 0..2 pi."""

    factor: float = 0.5

    def place(self, label: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        angle = generator.uniform(0, 2 * np.pi, len(label))
        radius = np.where(label == 0, 1.0, self.factor)
        return radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)


@dataclass(kw_only=True)
class Blobs(Points):
    """Normal clouds of sd `noise` about `num_classes` centres, evenly spaced on a circle of radius `radius`."""

    radius: float = 3.0

    def place(self, label: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        angle = 2 * np.pi * label / self.num_classes
        return self.radius * np.stack([np.cos(angle), np.sin(angle)], axis=1)


@dataclass(kw_only=True)
class Spiral(Points):
    """Arm c: radius r uniform in 0..1, angle 2 pi (turns r + c / num_classes)."""

    turns: float = 1.0

    def place(self, label: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        radius = generator.uniform(0, 1, len(label))
        angle = 2 * np.pi * (self.turns * radius + label / self.num_classes)
        return radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
