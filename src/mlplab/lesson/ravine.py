"""A ravine: f(x) = (u^2 + s v^2) / 2, along the axes or turned, and the path that an optimizer takes along it."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch.optim import Optimizer

MOST = 600  # updates


@dataclass(frozen=True)
class Ravine:
    """steepness: s. degrees: by which its bed is turned from the first axis."""

    steepness: float
    degrees: float = 0.0

    @property
    def turn(self) -> np.ndarray:
        """(2, 2): from places along and across the bed, (u, v), to (x, y)."""
        cos, sin = math.cos(math.radians(self.degrees)), math.sin(math.radians(self.degrees))
        return np.array([[cos, -sin], [sin, cos]])

    def __call__(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        (cos, _), (sin, _) = self.turn
        along, across = cos * x + sin * y, cos * y - sin * x
        height: np.ndarray = (along**2 + self.steepness * across**2) / 2
        return height

    def path(self, optimizer: Callable[..., Optimizer], lr: float, start: tuple[float, float]) -> np.ndarray:
        """(P, 2): places (x, y) from `start`, given along and across, until f is a thousandth of what it was."""
        curvature = torch.from_numpy(self.turn @ np.diag([1.0, self.steepness]) @ self.turn.T)
        place = torch.from_numpy(self.turn @ np.array(start)).requires_grad_()
        step = optimizer([place], lr=lr)
        places, height = [place.detach().clone()], place @ curvature @ place / 2
        enough = height.item() / 1000
        while height.item() > enough and len(places) <= MOST:
            step.zero_grad()
            height.backward()  # type: ignore[no-untyped-call]
            step.step()
            height = place @ curvature @ place / 2
            places.append(place.detach().clone())
        return torch.stack(places).numpy()
