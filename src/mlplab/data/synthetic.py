"""Generated datasets: curves y(x) for regression, points in the plane for classification."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from mlplab.data.dataset import Dataset
from mlplab.data.splits import RawData
from mlplab.errors import UserError


@dataclass(kw_only=True)
class Synthetic(Dataset):
    """noise: standard deviation of the normal noise added to coordinates (points) or to the target (curves). The rows
    depend on `split_seed`."""

    num_rows: int = 500
    noise: float = 0.1

    def read(self) -> RawData:
        return self.draw(np.random.default_rng(self.split_seed))

    @abstractmethod
    def draw(self, generator: np.random.Generator) -> RawData: ...


@dataclass(kw_only=True)
class Curve(Synthetic):
    """`value` gives y for x drawn uniformly from `low`..`high`; noise is added to y.

    x_train: training inputs as a list; needs `split="official"`, and val and test get half of `num_rows` each.
    """

    low: float = -1.0
    high: float = 1.0
    x_train: list[float] | None = None

    def draw(self, generator: np.random.Generator) -> RawData:
        x = generator.uniform(self.low, self.high, self.num_rows)
        official = None
        if self.x_train is not None:
            if self.split != "official":
                raise UserError(f"data.split={self.split}: data.x_train needs data.split=official")
            half = self.num_rows // 2
            sizes = [len(self.x_train), half, self.num_rows - half]
            official = np.repeat(["train", "val", "test"], sizes)
            x = np.concatenate([np.asarray(self.x_train, dtype=np.float64), x])
        y = self.value(x) + self.noise * generator.standard_normal(len(x))
        return RawData(x[:, None], y[:, None], feature_names=("x",), target_names=("y",), official=official)

    @abstractmethod
    def value(self, x: np.ndarray) -> np.ndarray: ...


@dataclass(kw_only=True)
class Line(Curve):
    """y = m x + b."""

    m: float = 2.0
    b: float = 1.0

    def value(self, x: np.ndarray) -> np.ndarray:
        return self.m * x + self.b


@dataclass(kw_only=True)
class Sine(Curve):
    """y = amplitude sin(2 pi frequency x)."""

    amplitude: float = 1.0
    frequency: float = 1.0

    def value(self, x: np.ndarray) -> np.ndarray:
        return self.amplitude * np.sin(2 * np.pi * self.frequency * x)


@dataclass(kw_only=True)
class Polynomial(Curve):
    """y = c0 + c1 x + c2 x^2 + ..., from `coefficients`."""

    coefficients: Sequence[float] = field(default_factory=lambda: [0.0, -1.0, 0.0, 2.0])

    def value(self, x: np.ndarray) -> np.ndarray:
        return np.polynomial.Polynomial(list(self.coefficients))(x)


@dataclass(kw_only=True)
class Points(Synthetic):
    """`place` gives (N, 2) points for (N,) classes; noise is added to the coordinates."""

    num_classes: int = 2

    def draw(self, generator: np.random.Generator) -> RawData:
        label = np.arange(self.num_rows) % self.num_classes
        points = self.place(label, generator) + self.noise * generator.standard_normal((self.num_rows, 2))
        return RawData(points, label, feature_names=("x1", "x2"))

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
    """Normal distributions of standard deviation `noise`, whose `num_classes` centres are evenly spaced on a circle of
    radius `radius`."""

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
