"""What may be given: the one table of ranges, of choices, and of the losses that fit a learner."""

import math
from dataclasses import dataclass
from typing import Any, Literal


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
        if self.whole and self.low_itself and self.high_itself:
            return f"a whole number from {self.low} to {self.high}"
        above = "" if self.low == -math.inf else f"{'at least' if self.low_itself else 'above'} {self.low}"
        below = "" if self.high == math.inf else f"{'at most' if self.high_itself else 'below'} {self.high}"
        return " and ".join(filter(None, ("a whole number" if self.whole else "a number", above, below)))


@dataclass(frozen=True)
class Text:
    number_too: bool = False

    def holds(self, value: Any) -> bool:
        kinds = str | int | float if self.number_too else str
        return isinstance(value, kinds) and not isinstance(value, bool) and value != ""

    def __str__(self) -> str:
        return "a word" if self.number_too else "a word, and a number only in quotes"


@dataclass(frozen=True)
class Character:
    def holds(self, value: Any) -> bool:
        return isinstance(value, str) and (len(value) == 1 or value == r"\t")

    def __str__(self) -> str:
        return r"one character, or '\t' for a tab"


NUMBER = Range()
POSITIVE = Range(0)
NOT_NEGATIVE = Range(0, low_itself=True)
FRACTION = Range(0, 1)
FRACTION_OR_ZERO = Range(0, 1, low_itself=True)
ORDINAL = Range(0, 10**9, low_itself=True, high_itself=True, whole=True)
COUNT = Range(1, 10**9, low_itself=True, high_itself=True, whole=True)
SEED = Range(0, 2**32 - 1, low_itself=True, high_itself=True, whole=True)
ENSEMBLE_SIZE = Range(2, 1000, low_itself=True, high_itself=True, whole=True)
DIVISOR = Range(1, low_itself=True)
TEXT = Text()
NAME = Text(number_too=True)
RANGES: dict[str, Range | Text | Character] = {
    "seed": SEED,
    "ensemble": ENSEMBLE_SIZE,
    "allow": TEXT,
    "batch_size": COUNT,
    "trainer.max_epochs": COUNT,
    "trainer.gradient_clip_val": POSITIVE,
    "report.every_n_steps": COUNT,
    "data.val_fraction": FRACTION,
    "data.test_fraction": FRACTION,
    "data.folds": Range(2, 10**9, low_itself=True, high_itself=True, whole=True),
    "data.fold": ORDINAL,
    "data.split_seed": SEED,
    "data.num_train": COUNT,
    "data.label_noise": NOT_NEGATIVE,
    "data.num_rows": Range(10, 10**9, low_itself=True, high_itself=True, whole=True),
    "data.noise": NOT_NEGATIVE,
    "data.num_classes": Range(2, 10**6, low_itself=True, high_itself=True, whole=True),
    "data.path": TEXT,
    "data.root": TEXT,
    "data.target": NAME,
    "data.ignore": NAME,
    "data.group": NAME,
    "data.function": TEXT,
    "data.separator": Character(),
    "data.x_train": NUMBER,
    "data.copy_distance": POSITIVE,
    "data.size": COUNT,
    "model.hidden_features": COUNT,
    "model.width": COUNT,
    "model.num_blocks": COUNT,
    "model.expansion": COUNT,
    "model.pieces": COUNT,
    "model.dropout": FRACTION_OR_ZERO,
    "model.input_noise": NOT_NEGATIVE,
    "model.max_norm": POSITIVE,
    "model.initial_weight": NUMBER,
    "model.initial_bias": NUMBER,
    "learner.threshold": FRACTION,
    "loss.label_smoothing": FRACTION_OR_ZERO,
    "loss.delta": POSITIVE,
    "optimizer.lr": POSITIVE,
    "optimizer.weight_decay": NOT_NEGATIVE,
    "optimizer.momentum": FRACTION_OR_ZERO,
    "optimizer.alpha": FRACTION,
    "optimizer.rho": FRACTION,
    "optimizer.betas": FRACTION_OR_ZERO,
    "optimizer.max_iter": COUNT,
    "optimizer.history_size": COUNT,
    "scheduler.max_lr": POSITIVE,
    "scheduler.div_factor": DIVISOR,
    "scheduler.final_div_factor": DIVISOR,
    "scheduler.eta_min": NOT_NEGATIVE,
    "scheduler.gamma": Range(1e-3, low_itself=True),
    "scheduler.step_size": COUNT,
    "scheduler.factor": FRACTION,
    "scheduler.patience": ORDINAL,
    "scheduler.pct_start": FRACTION,
    "scheduler.warmup_fraction": FRACTION,
    "callback.early_stopping.patience": COUNT,
    "callback.early_stopping.min_delta": NOT_NEGATIVE,
    "callback.gradient_accumulation.scheduling": COUNT,
    "callback.weight_averaging.decay": FRACTION_OR_ZERO,
    # of the doors that make no run
    "run": TEXT,
    "input": TEXT,
    "output": TEXT,
    "below": TEXT,
    "separator": Character(),
}
# how many items a list has; a list is refused elsewhere
LENGTHS = {
    "allow": Range(0, low_itself=True, whole=True),
    "optimizer.betas": Range(2, 2, low_itself=True, high_itself=True, whole=True),
    "data.size": Range(2, 2, low_itself=True, high_itself=True, whole=True),
    "data.coefficients": COUNT,
    "data.x_train": COUNT,
    "data.target": COUNT,
    "data.ignore": Range(0, low_itself=True, whole=True),
    "model.hidden_features": ORDINAL,  # none: see fitting.py
}
SCALAR_OR_LIST = {"data.target", "data.ignore"}
# where null has a meaning
NULLABLE = {
    *("data.folds", "data.num_train", "data.group", "data.ignore", "data.ranges", "data.x_train"),
    *("loss.weight", "loss.pos_weight", "model.max_norm", "model.initial_weight", "model.initial_bias"),
    *("trainer.max_time", "trainer.gradient_clip_val", "optimizer.line_search_fn", "choice.experiment"),
}
# packages whose classes a `_target_` may name; `allow` adds modules
ALLOWED_PACKAGES = ("mlplab", "torch", "torchvision", "lightning", "torchmetrics", "sklearn")
# of the Trainer: what the lab decides itself
RESERVED_TRAINER_KEYS = {
    *("logger", "callbacks", "default_root_dir", "num_sanity_val_steps", "log_every_n_steps", "enable_progress_bar"),
    *("enable_model_summary", "enable_checkpointing", "fast_dev_run", "overfit_batches", "barebones"),
    *("limit_val_batches", "limit_test_batches", "limit_predict_batches", "check_val_every_n_epoch"),
    *("val_check_interval", "strategy", "num_nodes", "use_distributed_sampler", "reload_dataloaders_every_n_epochs"),
}
CHOICES = {
    "data.split": ("official", "random", "group"),
    "data.leak_check": ("basic", "full", "off"),
    "data.task": ("classification", "regression"),
    "data.subset": ("letters", "balanced", "digits", "byclass", "bymerge", "mnist"),
    "learner.target_scaling": ("standard", "minmax", "none"),
    "model.normalisation": ("none", "batch", "layer"),
    "model.output_activation": ("linear", "sigmoid", "tanh", "softplus"),
    "model.initialisation": (
        *("default", "xavier_uniform", "xavier_normal", "he_uniform", "he_normal"),
        *("lecun_normal", "orthogonal", "naive", "zeros"),
    ),
    "activation.approximate": ("none", "tanh"),
    "optimizer.line_search_fn": ("strong_wolfe", None),
    "scheduler.anneal_strategy": ("cos", "linear"),
    "loss.reduction": ("mean", "sum"),
    "loss.weight": (None, "balanced"),
    "loss.pos_weight": (None, "balanced"),
    "trainer.devices": (1,),
    "trainer.accelerator": ("auto", "cpu", "gpu", "cuda", "mps"),
    "trainer.precision": ("32-true", "64-true", "bf16-mixed", "16-mixed"),
    "trainer.matmul_precision": ("highest", "high", "medium"),
    "sweep.resume": (None, True, False, "failed"),
    "invert": (None, "auto", True, False),  # of predict
}
# the task that each learner solves, by the names of data.splits.Task
LEARNER_TASKS = {"classifier": "classification", "binary_classifier": "binary", "regressor": "regression"}
LOSSES = {
    "classifier": ("ce", "mse", "mae"),
    "binary_classifier": ("bce", "mse", "mae"),
    "regressor": ("mse", "mae", "rmse", "huber"),
}
METRICS = {
    "classifier": ("accuracy", "precision", "recall", "f1"),
    "binary_classifier": ("accuracy", "precision", "recall", "f1", "auroc"),
    "regressor": ("mse", "rmse", "mae", "r2"),
}
HIGHER_IS_BETTER = {"accuracy", "precision", "recall", "f1", "auroc", "r2"}


def is_regression(learner: str) -> bool:
    return LEARNER_TASKS[learner] == "regression"


def monitor_mode(monitor: str) -> Literal["min", "max"]:
    """The direction of a score named `<metric>/<split>`."""
    return "max" if monitor.partition("/")[0] in HIGHER_IS_BETTER else "min"
