"""Values of one input, with exact formulas."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from mlplab.data.generated import Generated
from mlplab.data.rows import Rows
from mlplab.errors import Mistake


@dataclass(kw_only=True)
class Curve(Generated):
    """`value` gives y for x drawn uniformly from `low`..`high`; noise is added to y.

    x_train: training inputs given one by one (then `split` is "official", and val and test halve `num_rows`).
    """

    low: float = -1.0
    high: float = 1.0
    x_train: list[float] | None = None

    def draw(self, generator: np.random.Generator) -> Rows:
        x = generator.uniform(self.low, self.high, self.num_rows)
        official = None
        if self.x_train is not None:
            if self.split != "official":
                raise Mistake(f"data.split={self.split}: data.x_train needs data.split=official")
            half = self.num_rows // 2
            sizes = [len(self.x_train), half, self.num_rows - half]
            official = np.repeat(["train", "val", "test"], sizes)
            x = np.concatenate([np.asarray(self.x_train, dtype=np.float64), x])
        y = self.value(x) + self.noise * generator.standard_normal(len(x))
        return Rows(x[:, None], y[:, None], feature_names=("x",), target_names=("y",), official=official)

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
