"""The loss on a plane through the weights: along the training path, or in two random directions."""

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
MAX_OPERATIONS = 2e11  # about ten seconds of one core
Kind = Literal["pca", "random"]


@dataclass(frozen=True)
class LossSlice:
    """x: (X,), y: (Y,): steps along two directions from the last weights. loss: (Y, X), inf where it is not finite.

    path: (P, 2) in the same steps, P = 0 for random directions; epochs: (P,). share: fraction of the variance of the
    path in the plane.
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
    """Evaluate the plane of the first two principal components of the training path (Li et al., 2018, section 7).

    learner: with the weights of the last epoch. trajectory: trajectory.npz, written with report.trajectory=true. Raises
    UserError for a file that is damaged or of another model.
    """
    try:
        with np.load(trajectory) as file:
            weights, epochs = file["weights"], file["epochs"]
    except (OSError, ValueError, KeyError, BadZipFile) as error:
        raise UserError(f"{trajectory}: is not a trajectory of weights, or is damaged; use slice=random") from error
    last = _vector(learner)
    if weights.shape[1] != len(last) or len(weights) < 2:
        raise UserError(f"{trajectory}: belongs to another model than the checkpoint, or has fewer than two points")
    steps = weights.astype(np.float64) - weights[-1]
    _, sizes, directions = np.linalg.svd(steps, full_matrices=False)
    directions = np.concatenate([directions, np.zeros_like(directions)])[:2]  # one parameter has one direction
    path = steps @ directions.T
    total = float((sizes**2).sum())
    share = float((sizes[:2] ** 2).sum()) / total if total else 1.0
    x, y = (_ends(path[:, axis]) for axis in (0, 1))
    return _evaluate("pca", learner, part, torch.from_numpy(directions), (x, y), count, path, epochs, share)


def slice_at_random(learner: Learner, part: Split, count: int | None = None, seed: int = 0) -> LossSlice:
    """Evaluate the plane of two random directions, which can be compared between networks (Li et al., 2018, section 4).

    Each row of a weight matrix has the norm of that row of the weights; biases do not change.
    """
    generator = torch.Generator().manual_seed(seed)
    directions = torch.stack([_direction(learner, generator) for _ in range(2)])
    none = np.empty((0, 2)), np.empty(0, dtype=int)
    return _evaluate("random", learner, part, directions, ((-1.0, 1.0), (-1.0, 1.0)), count, *none, share=math.nan)


def _evaluate(
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
        for row, y_step in enumerate(y.tolist()):
            for column, x_step in enumerate(x.tolist()):
                moved = last.double() + x_step * directions[0] + y_step * directions[1]
                vector_to_parameters(moved.to(last.dtype), learner.network.parameters())
                value = float(learner.measured_loss(learner.network(part.features), encoded))
                loss[row, column] = value if math.isfinite(value) else math.inf
    return LossSlice(kind, x, y, loss, path, epochs, share, len(part))


@contextmanager
def _weights_of(learner: Learner) -> Iterator[Tensor]:
    """Yield the weights as a vector, and restore them afterwards."""
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
    parts = []
    for weights in learner.network.parameters():
        if weights.ndim < 2:
            parts.append(torch.zeros(weights.numel(), dtype=torch.float64))
            continue
        rows = weights.detach().double().flatten(1)
        noise = torch.randn(rows.shape, generator=generator, dtype=torch.float64)
        parts.append((noise * rows.norm(dim=1, keepdim=True) / noise.norm(dim=1, keepdim=True)).flatten())
    return torch.cat(parts)


def _ends(along: np.ndarray) -> tuple[float, float]:
    low, high = float(along.min()), float(along.max())
    margin = 0.25 * ((high - low) or 1.0)
    return low - margin, high + margin


def _side(learner: Learner, part: Split) -> int:
    """Points along each side of the grid, as many as MAX_OPERATIONS allow."""
    once = 2 * len(part) * len(_vector(learner)) + 1e7  # a pass has a fixed cost, too
    return int(np.clip(math.sqrt(MAX_OPERATIONS / once), 11, 41))
