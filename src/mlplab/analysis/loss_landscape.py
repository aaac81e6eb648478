"""The loss on a plane through the weights: along the training path, or in two random directions."""

import math
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

    path: (P, 2) in the same steps, P = 0 for random directions; epochs: (P,). variance_fraction: of the path, that lies
    in the plane.
    """

    kind: Kind
    rows: int
    x: np.ndarray
    y: np.ndarray
    loss: np.ndarray
    path: np.ndarray
    epochs: np.ndarray
    variance_fraction: float


def slice_along_path(learner: Learner, part: Split, trajectory: Path, count: int | None = None) -> LossSlice:
    """Evaluates the plane of the first two principal components of the training path (Li et al., 2018, section 7).

    learner: with the weights of the last epoch. trajectory: trajectory.npz, written with report.trajectory=true. Raises
    UserError for a file that is damaged or of another model.
    """
    try:
        with np.load(trajectory) as file:
            weights, epochs = file["weights"], file["epochs"]
    except (OSError, ValueError, KeyError, BadZipFile) as error:
        raise UserError(f"{trajectory}: is not a trajectory of weights, or is damaged; use slice=random") from error
    size = len(_vector(learner))
    if weights.shape[1] != size or len(weights) < 2:
        raise UserError(f"{trajectory}: belongs to another model than the checkpoint, or has fewer than two points")
    steps = weights.astype(np.float64) - weights[-1]
    _, sizes, directions = np.linalg.svd(steps, full_matrices=False)
    directions = np.concatenate([directions, np.zeros_like(directions)])[:2]  # one parameter has one direction
    path = steps @ directions.T
    total = float((sizes**2).sum())
    fraction = float((sizes[:2] ** 2).sum()) / total if total else 1.0
    low, high = path.min(axis=0), path.max(axis=0)
    margin = 0.25 * np.where(high > low, high - low, 1.0)
    grid = _evaluate(learner, part, torch.from_numpy(directions), low - margin, high + margin, count)
    return LossSlice("pca", *grid, path, epochs, fraction)


def slice_at_random(learner: Learner, part: Split, count: int | None = None, seed: int = 0) -> LossSlice:
    """Evaluates the plane of two random directions, which can be compared between networks (Li et al., 2018, section
    4).

    Each row of a weight matrix has the norm of that row of the weights; biases do not change.
    """
    generator = torch.Generator().manual_seed(seed)
    directions = torch.stack([_direction(learner, generator) for _ in range(2)])
    grid = _evaluate(learner, part, directions, -np.ones(2), np.ones(2), count)
    return LossSlice("random", *grid, path=np.empty((0, 2)), epochs=np.empty(0, dtype=int), variance_fraction=math.nan)


def _evaluate(
    learner: Learner, part: Split, directions: Tensor, low: np.ndarray, high: np.ndarray, count: int | None
) -> tuple[int, np.ndarray, np.ndarray, np.ndarray]:
    """Returns the number of rows, the steps x and y, and the loss at each pair of them; restores the weights."""
    part = part.first(MAX_ROWS)
    last, training = _vector(learner), learner.training
    once = 2 * len(part) * len(last) + 1e7  # operations of a pass, which has a fixed cost, too
    side = count or int(np.clip(math.sqrt(MAX_OPERATIONS / once), 11, 41))
    x, y = np.linspace(low, high, side, axis=1)
    loss = np.empty((side, side))
    learner.eval()
    try:
        with torch.inference_mode():
            encoded = learner.encode(part.target)
            for row, y_step in enumerate(y.tolist()):
                for column, x_step in enumerate(x.tolist()):
                    moved = last.double() + x_step * directions[0] + y_step * directions[1]
                    vector_to_parameters(moved.to(last.dtype), learner.network.parameters())
                    value = float(learner.measured_loss(learner.network(part.features), encoded))
                    loss[row, column] = value if math.isfinite(value) else math.inf
    finally:
        with torch.no_grad():
            vector_to_parameters(last, learner.network.parameters())
        learner.train(training)
    return len(part), x, y, loss


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
