"""The loss of y = m x + b over (m, b), from two observations: every number can be worked out by hand."""

from typing import Any

import numpy as np

from mlplab.data.datamodule import Batches
from mlplab.lesson.bench import Run

X, Y = np.array([1.0, 2.0]), np.array([3.0, 5.0])
START = np.array([-1.0, 5.0])


def mse(m: Any, b: Any) -> Any:
    return sum((m * x + b - y) ** 2 for x, y in zip(X, Y, strict=True)) / len(X)


def gradient(m: float, b: float, x: np.ndarray = X, y: np.ndarray = Y) -> np.ndarray:
    """Of the MSE by m and by b, over the observations (x, y)."""
    error = m * x + b - y
    return np.array([2 * (error * x).mean(), 2 * error.mean()])


def step(at: np.ndarray, rate: float, x: np.ndarray = X, y: np.ndarray = Y) -> np.ndarray:
    return at - rate * gradient(at[0], at[1], x, y)


def walk(run: Run) -> np.ndarray:
    """(updates + 1, 2): (m, b) after every update of a plain run, worked out by hand; its path has each epoch only."""
    loader = Batches(run.splits(), run.config.batch_size, run.config.seed).train_dataloader()
    points = [START]
    for epoch in range(run.config.trainer.max_epochs):
        loader.set_epoch(epoch)
        for features, target in loader:
            points.append(step(points[-1], run.config.optimizer.lr, features.numpy()[:, 0], target.numpy()[:, 0]))
    return np.stack(points)
