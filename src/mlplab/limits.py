"""What may be given: the one table of ranges, of choices, and of the losses that fit a learner."""

import math
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Range:
    low: float = -math.inf
    high: float = math.inf
    low_itself: bool = False
    high_itself: bool = False
    whole: bool = False

    def holds(self, value: Any) -> bool:
        if isinstance(value, bool) or not isinstance(value, int if self.whole else int | float):
            return False
        above = value >= self.low if self.low_itself else value > self.low
        below = value <= self.high if self.high_itself else value < self.high
        return above and below  # false for NaN

    def __str__(self) -> str:
        above = "" if self.low == -math.inf else f"{'at least' if self.low_itself else 'above'} {self.low:g}"
        below = "" if self.high == math.inf else f"{'at most' if self.high_itself else 'below'} {self.high:g}"
        return " and ".join(filter(None, ("a whole number" if self.whole else "a number", above, below)))


POSITIVE = Range(0)
NOT_NEGATIVE = Range(0, low_itself=True)
SHARE = Range(0, 1)
SHARE_OR_NONE = Range(0, 1, low_itself=True)
ORDINAL = Range(0, low_itself=True, whole=True)
COUNT = Range(1, low_itself=True, whole=True)

RANGES = {
    "seed": ORDINAL,
    "batch_size": COUNT,
    "trainer.max_epochs": COUNT,
    "trainer.gradient_clip_val": POSITIVE,
    "report.every_n_steps": COUNT,
    "data.val_fraction": SHARE,
    "data.test_fraction": SHARE,
    "data.split_seed": ORDINAL,
    "data.num_train": COUNT,
    "data.label_noise": NOT_NEGATIVE,
    "data.num_rows": Range(10, low_itself=True, whole=True),
    "data.noise": NOT_NEGATIVE,
    "data.num_classes": Range(2, low_itself=True, whole=True),
    "data.size": COUNT,
    "model.hidden_features": COUNT,
    "model.width": COUNT,
    "model.num_blocks": COUNT,
    "model.expansion": COUNT,
    "model.pieces": COUNT,
    "model.dropout": SHARE_OR_NONE,
    "model.max_norm": POSITIVE,
    "learner.threshold": SHARE,
    "loss.label_smoothing": SHARE_OR_NONE,
    "loss.delta": POSITIVE,
    "optimizer.lr": POSITIVE,
    "optimizer.weight_decay": NOT_NEGATIVE,
    "optimizer.momentum": SHARE_OR_NONE,
    "optimizer.alpha": SHARE,
    "optimizer.rho": SHARE,
    "optimizer.betas": SHARE_OR_NONE,
    "optimizer.max_iter": COUNT,
    "optimizer.history_size": COUNT,
    "scheduler.gamma": POSITIVE,
    "scheduler.step_size": COUNT,
    "scheduler.factor": SHARE,
    "scheduler.patience": ORDINAL,
    "scheduler.pct_start": SHARE,
    "scheduler.warmup_fraction": SHARE,
    "callback.early_stopping.patience": COUNT,
    "callback.weight_averaging.decay": SHARE_OR_NONE,
}

CHOICES = {
    "data.split": ("official", "random", "group"),
    "data.task": ("classes", "values"),
    "learner.target_scaling": ("standard", "minmax", "none"),
    "model.normalisation": ("none", "batch", "layer"),
    "model.output_activation": ("linear", "sigmoid", "tanh", "softplus"),
    "model.initialisation": (
        *("default", "xavier_uniform", "xavier_normal", "he_uniform", "he_normal"),
        *("lecun_normal", "orthogonal", "naive", "zeros"),
    ),
    "loss.weight": (None, "balanced"),
    "loss.pos_weight": (None, "balanced"),
    "trainer.devices": (1,),
    "trainer.accelerator": ("auto", "cpu", "gpu", "cuda", "mps"),
    "trainer.precision": ("32-true", "64-true", "bf16-mixed", "16-mixed"),
    "trainer.matmul_precision": ("highest", "high", "medium"),
}

LOSSES = {
    "classifier": ("ce", "mse", "mae"),
    "binary_classifier": ("bce", "mse", "mae"),
    "regressor": ("mse", "mae", "rmse", "huber"),
}
