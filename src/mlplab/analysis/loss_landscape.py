"""The loss over a plane through the weights: along the path that training took, or in two random directions."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from zipfile import BadZipFile

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from mlplab.data.splits import Split
from mlplab.errors import UserError
from mlplab.learner.learner import Learner

MAX_ROWS = 1000
WORK = 2e11  # operations: some ten seconds of one core
Kind = Literal["pca", "random"]


@dataclass(frozen=True)
class LossSlice:
    """x: (X,), y: (Y,): steps along two directions from the last weights. loss: (Y, X), inf where it is no number.

    path: (P, 2) in the same steps, empty without one; epochs: (P,). share: of the path's spread that the plane shows.
    """

    kind: Kind
    x: np.ndarray
    y: np.ndarray
    loss: np.ndarray
    path: np.ndarray
    epochs: np.ndarray
    share: float
    rows: int


def slice_along_path(learner: Learner, part: Split, trajectory: Path, count: int | None = None) -> LossSlice:
    """The two directions in which the path spreads most (Li et al., 2018, section 7), about its last point.

    learner: of the last epoch. trajectory: the file that report.trajectory=true leaves.
    """
    try:
        with np.load(trajectory) as held:
            weights, epochs = held["weights"], held["epochs"]
    except (OSError, ValueError, KeyError, BadZipFile) as error:
        raise UserError(
            f"{trajectory}: is no path of weights, or is cut short or damaged; take slice=random"
        ) from error
    last = _vector(learner)
    if weights.shape[1] != len(last) or len(weights) < 2:
        raise UserError(f"{trajectory}: is of another model than the checkpoint, or has no path")
    steps = weights.astype(np.float64) - weights[-1]
    _, sizes, directions = np.linalg.svd(steps, full_matrices=False)
    directions = np.concatenate([directions, np.zeros_like(directions)])[:2]  # one parameter has one direction
    path = steps @ directions.T
    total = float((sizes**2).sum())
    share = float((sizes[:2] ** 2).sum()) / total if total else 1.0
    x, y = (_ends(path[:, axis]) for axis in (0, 1))
    return _measured("pca", learner, part, torch.from_numpy(directions), (x, y), count, path, epochs, share)


def slice_at_random(learner: Learner, part: Split, count: int | None = None, seed: int = 0) -> LossSlice:
    """Two random directions, each row of a weight matrix as long as the weights' own row, biases still: so that nets of
    other scale can be compared (Li et al., 2018, section 4)."""
    generator = torch.Generator().manual_seed(seed)
    directions = torch.stack([_direction(learner, generator) for _ in range(2)])
    none = np.empty((0, 2)), np.empty(0, dtype=int)
    return _measured("random", learner, part, directions, ((-1.0, 1.0), (-1.0, 1.0)), count, *none, share=math.nan)


def _measured(
    kind: Kind,
    learner: Learner,
    part: Split,
    directions: Tensor,
    ends: tuple[tuple[float, float], tuple[float, float]],
    count: int | None,
    path: np.ndarray,
    epochs: np.ndarray,
    share: float,
) -> LossSlice:
    part = part.first(MAX_ROWS)
    side = count or _side(learner, part)
    x, y = (np.linspace(*end, side) for end in ends)
    loss = np.empty((len(y), len(x)))
    with _weights_of(learner) as last, torch.inference_mode():
        encoded = learner.encode(part.target)
        for row, up in enumerate(y.tolist()):
            for column, right in enumerate(x.tolist()):
                moved = last.double() + right * directions[0] + up * directions[1]
                vector_to_parameters(moved.to(last.dtype), learner.network.parameters())
                value = float(learner.measured_loss(learner.network(part.features), encoded))
                loss[row, column] = value if math.isfinite(value) else math.inf
    return LossSlice(kind, x, y, loss, path, epochs, share, len(part))


@contextmanager
def _weights_of(learner: Learner) -> Iterator[Tensor]:
    """The weights as a vector, put back afterwards."""
    last, training = _vector(learner), learner.training
    learner.eval()
    try:
        yield last
    finally:
        with torch.no_grad():
            vector_to_parameters(last, learner.network.parameters())
        learner.train(training)


def _vector(learner: Learner) -> Tensor:
    return parameters_to_vector(learner.network.parameters()).detach().clone()


def _direction(learner: Learner, generator: torch.Generator) -> Tensor:
    drawn = []
    for weights in learner.network.parameters():
        if weights.ndim < 2:
            drawn.append(torch.zeros(weights.numel(), dtype=torch.float64))
            continue
        own = weights.detach().double().flatten(1)
        noise = torch.randn(own.shape, generator=generator, dtype=torch.float64)
        drawn.append((noise * own.norm(dim=1, keepdim=True) / noise.norm(dim=1, keepdim=True)).flatten())
    return torch.cat(drawn)


def _ends(along: np.ndarray) -> tuple[float, float]:
    low, high = float(along.min()), float(along.max())
    room = 0.25 * ((high - low) or 1.0)
    return low - room, high + room


def _side(learner: Learner, part: Split) -> int:
    """Places along each side: as many as the work allows."""
    once = 2 * len(part) * len(_vector(learner)) + 1e7  # a pass has a price of its own
    return int(np.clip(math.sqrt(WORK / once), 11, 41))
