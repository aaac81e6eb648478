"""The rows that a run told worst: which they are, and what was told of them."""

from collections.abc import Sequence

import numpy as np

MOST_FEATURES = 8


def worst_told(probabilities: np.ndarray, target: np.ndarray, count: int) -> np.ndarray:
    """Places of the rows whose true class was given the least probability, the least first.

    probabilities: (N, C). target: (N,).
    """
    of_true = probabilities[np.arange(len(target)), target]
    return np.argsort(of_true, kind="stable")[:count]


def farthest(target: np.ndarray, predictions: np.ndarray, count: int) -> np.ndarray:
    """Places of the rows with the largest error, in units of each target's sd. target, predictions: (N, K)."""
    sd = target.std(axis=0)
    errors = np.abs(target.astype(np.float64) - predictions) / np.where(sd > 0, sd, 1.0)
    return np.argsort(-errors.max(axis=1), kind="stable")[:count]


def lines_of_classes(
    places: np.ndarray, probabilities: np.ndarray, target: np.ndarray, chosen: np.ndarray, names: Sequence[str]
) -> list[list[str]]:
    """What stands below each image: its row, from 1 on, and both classes with their probabilities."""
    return [
        [
            f"row {at + 1}",
            f"is {names[target[at]]} ({probabilities[at, target[at]]:.2g})",
            f"told {names[chosen[at]]} ({probabilities[at, chosen[at]]:.2g})",
        ]
        for at in places.tolist()
    ]


def table_of_classes(
    places: np.ndarray, probabilities: np.ndarray, target: np.ndarray, chosen: np.ndarray, names: Sequence[str]
) -> tuple[list[str], list[list[object]]]:
    """Header and a row each."""
    header = ["row", "is", "probability", "told", "probability"]
    rows: list[list[object]] = [
        [
            at + 1,
            names[target[at]],
            float(probabilities[at, target[at]]),
            names[chosen[at]],
            float(probabilities[at, chosen[at]]),
        ]
        for at in places.tolist()
    ]
    return header, rows


def table_of_values(
    places: np.ndarray, target: np.ndarray, predictions: np.ndarray, names: Sequence[str]
) -> tuple[list[str], list[list[object]]]:
    header = ["row", names[0], "predicted", "residual"]
    if len(names) > 1:
        header = ["row", *(f"{kind}{name}" for name in names for kind in ("", "predicted ", "residual of "))]
    rows: list[list[object]] = []
    for at in places.tolist():
        pairs = zip(target[at].tolist(), predictions[at].tolist(), strict=True)
        rows.append([at + 1, *(float(value) for is_, told in pairs for value in (is_, told, is_ - told))])
    return header, rows


def with_features(
    table: tuple[list[str], list[list[object]]],
    places: np.ndarray,
    features: np.ndarray,
    names: Sequence[str],
    order: Sequence[int],
) -> tuple[list[str], list[list[object]]]:
    """The same with the values of the first features in `order`."""
    header, rows = table
    shown = list(order)[:MOST_FEATURES]
    cells = features[places][:, shown].astype(float).tolist()
    return [*header, *(names[at] for at in shown)], [[*row, *own] for row, own in zip(rows, cells, strict=True)]


def images(features: np.ndarray, size: Sequence[int]) -> np.ndarray:
    """(N, H, W) or (N, H, W, 3) uint8, from black to white. features: (N, in_features), pixels of 0..255 or of less."""
    if features.dtype != np.uint8:
        low, high = float(features.min()), float(features.max())
        features = ((features - low) / ((high - low) or 1.0) * 255).round().astype(np.uint8)
    return features.reshape(len(features), *size)
