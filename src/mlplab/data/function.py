"""Regression on any importable Python function of named numbers."""

import importlib
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from mlplab.data.splits import RawData
from mlplab.data.synthetic import Synthetic
from mlplab.errors import UserError


def gas_flow(T: float, P: float, Q: float) -> float:  # noqa: N803, the letters of physics
    """Computes the volume flow (m3/h) at temperature T (K) and pressure P (bar) of a gas of Q m3/h at 273.15 K, 1.01325
    bar."""
    return Q * (T / 273.15) * (1.01325 / P)


GAS_FLOW = "mlplab.data.function.gas_flow"
GAS_RANGES = {"T": [250.0, 400.0], "P": [1.0, 10.0], "Q": [1.0, 100.0]}
GAS_UNITS = {"T": "K", "P": "bar", "Q": "m³/h", "gas_flow": "m³/h"}


@dataclass(kw_only=True)
class Function(Synthetic):
    """function: dotted name, such as `my_module.f`. ranges: low and high of each argument, drawn uniformly."""

    function: str = GAS_FLOW
    ranges: dict[str, list[float]] | None = None

    @property
    def limits(self) -> dict[str, list[float]]:
        """Low and high of each argument, checked."""
        ranges = self.ranges or (GAS_RANGES if self.function == GAS_FLOW else {})
        if not ranges:
            raise UserError(
                f"data.ranges is missing: give each argument of {self.function}, as {{x: [0, 1], y: [2, 5]}}"
            )
        for name, limits in ranges.items():
            if len(limits) != 2 or not -np.inf < limits[0] < limits[1] < np.inf:
                raise UserError(f"data.ranges: {name}: {limits} is not [low, high] with low below high")
        return ranges

    def draw(self, generator: np.random.Generator) -> RawData:
        columns = {name: generator.uniform(low, high, self.num_rows) for name, (low, high) in self.limits.items()}
        inputs = np.stack(list(columns.values()), axis=1)
        y = self.values(inputs) + self.noise * generator.standard_normal(self.num_rows)
        return RawData(
            inputs, y[:, None], feature_names=tuple(columns), target_names=(self.function.rsplit(".", 1)[-1],)
        )

    def values(self, inputs: np.ndarray) -> np.ndarray:
        """Returns (N,) values of the function without noise. inputs: (N, num_arguments), which may lie outside the
        ranges."""
        function, names = _load(self.function), [*self.limits]
        try:
            y = np.array([float(function(**dict(zip(names, row, strict=True)))) for row in inputs.tolist()])
        except Exception as error:  # the user's own code may raise anything
            reason = f"{type(error).__name__}: {error}"
            raise UserError(
                f"data.function={self.function} with data.ranges of {', '.join(names)}: {reason}"
            ) from error
        if not np.isfinite(y).all():
            first = zip(names, inputs[~np.isfinite(y)][0], strict=True)
            where = ", ".join(f"{name}={value:g}" for name, value in first)
            raise UserError(f"data.function={self.function} is not finite at {where}: narrow data.ranges")
        return y


@contextmanager
def import_from_working_directory() -> Iterator[None]:
    """Imports search the current folder too, as `python -c` does."""
    path = sys.path.copy()
    sys.path.append(os.getcwd())
    try:
        yield
    finally:
        sys.path[:] = path


def _load(name: str) -> Callable[..., float]:
    module, _, attribute = name.rpartition(".")
    try:
        with import_from_working_directory():
            function = getattr(importlib.import_module(module), attribute)
    except Exception as error:  # the user's own module may raise anything while it is imported
        raise UserError(f"data.function={name}: cannot be imported ({error}); give module.function") from error
    if not callable(function):
        raise UserError(f"data.function={name}: is not a function")
    return function
