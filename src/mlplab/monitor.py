"""Which way is better: the one table of directions, read by checkpoints, early stopping, plateau and sweeps."""

from typing import Literal

METRICS = {
    "classifier": ("accuracy", "precision", "recall", "f1"),
    "binary_classifier": ("accuracy", "precision", "recall", "f1", "auroc"),
    "regressor": ("mse", "rmse", "mae", "r2"),
}
HIGHER_IS_BETTER = {"accuracy", "precision", "recall", "f1", "auroc", "r2"}


def direction(monitor: str) -> Literal["min", "max"]:
    """The direction of a score named `<metric>/<split>`."""
    return "max" if monitor.partition("/")[0] in HIGHER_IS_BETTER else "min"
