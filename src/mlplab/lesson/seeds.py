"""Runs that differ by their seed alone: what sets them apart, and what they came to, a value a run."""

from collections.abc import Sequence

import numpy as np

from mlplab.lesson.bench import Run

Runs = Sequence[Run]


def seeded(seed: int) -> tuple[str, str]:
    """Start, order of batches and split."""
    return f"seed={seed}", f"data.split_seed={seed}"


def curves(runs: Runs, name: str) -> np.ndarray:
    """(runs, epochs + 1): a score of the history."""
    return np.array([run.column(name) for run in runs])


def after(runs: Runs, name: str, epoch: int = -1) -> list[float]:
    """A score of the history, of the last epoch where no other is named."""
    return [run.rows[epoch][name] for run in runs]


def lowest(runs: Runs, name: str) -> list[float]:
    return [min(run.column(name)) for run in runs]


def scored(runs: Runs, name: str) -> list[float]:
    """Of scores.json: at the best epoch."""
    return [float(run.scores[name]) for run in runs]


def ratio(of: Sequence[float], to: Sequence[float]) -> list[float]:
    return [one / other for one, other in zip(of, to, strict=True)]
