"""What each key may be: types, ranges, lengths, choices, and the losses and metrics of each learner."""

import math
import textwrap
from dataclasses import dataclass
from typing import Any, Literal

from mlplab.config.tree import format_value

Mode = Literal["min", "max"]


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`; a bound itself belongs to it only where `include_low`, `include_high` say so."""

    low: float = -math.inf
    high: float = math.inf
    include_low: bool = False
    include_high: bool = False
    integer: bool = False

    def holds(self, value: Any) -> bool:
        if isinstance(value, bool) or not isinstance(value, int if self.integer else int | float):
            return False
        above = value >= self.low if self.include_low else value > self.low
        below = value <= self.high if self.include_high else value < self.high
        return above and below  # false for NaN

    def __str__(self) -> str:
        kind = "an integer" if self.integer else "a number"
        if self.integer and self.include_low and self.include_high:
            return f"{kind} from {self.low} to {self.high}"
        above = "" if self.low == -math.inf else f"{'of at least' if self.include_low else 'above'} {self.low}"
        below = "" if self.high == math.inf else f"{'at most' if self.include_high else 'below'} {self.high}"
        return " ".join(filter(None, (kind, " and ".join(filter(None, (above, below))))))


@dataclass(frozen=True)
class Text:
    """A string that is not empty; `number_too`: YAML may have read it as a number."""

    number_too: bool = False

    def holds(self, value: Any) -> bool:
        kinds = str | int | float if self.number_too else str
        return isinstance(value, kinds) and not isinstance(value, bool) and value != ""

    def __str__(self) -> str:
        return "a string" if self.number_too else "a string; put a number in quotes"


@dataclass(frozen=True)
class Character:
    def holds(self, value: Any) -> bool:
        return isinstance(value, str) and (len(value) == 1 or value == r"\t")

    def __str__(self) -> str:
        return r"one character, or '\t' for a tab"


def integers(low: int, high: int = 10**9) -> Range:
    return Range(low, high, include_low=True, include_high=True, integer=True)


NUMBER = Range()
POSITIVE = Range(0)
NOT_NEGATIVE = Range(0, include_low=True)
FRACTION = Range(0, 1)
FRACTION_OR_ZERO = Range(0, 1, include_low=True)
DIVISOR = Range(1, include_low=True)
ORDINAL = integers(0)
COUNT = integers(1)
SEED = integers(0, 2**32 - 1)
ENSEMBLE_SIZE = integers(2, 1000)
CV_FOLDS = integers(2, 1000)  # each fold is a job of the sweep
ETA = integers(2, 100)
ANY_LENGTH = Range(0, include_low=True, integer=True)
PAIR = integers(2, 2)
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
    "data.folds": integers(2),
    "data.fold": ORDINAL,
    "data.split_seed": SEED,
    "data.num_train": COUNT,
    "data.label_noise": NOT_NEGATIVE,
    "data.num_rows": integers(10),
    "data.noise": NOT_NEGATIVE,
    "data.num_classes": integers(2, 10**6),
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
    "scheduler.gamma": Range(1e-3, include_low=True),
    "scheduler.step_size": COUNT,
    "scheduler.factor": FRACTION,
    "scheduler.patience": ORDINAL,
    "scheduler.pct_start": FRACTION,
    "scheduler.warmup_fraction": FRACTION,
    "callback.early_stopping.patience": COUNT,
    "callback.early_stopping.min_delta": NOT_NEGATIVE,
    "callback.gradient_accumulation.scheduling": COUNT,
    "callback.weight_averaging.decay": FRACTION_OR_ZERO,
    # keys of the other commands
    "run": TEXT,
    "input": TEXT,
    "output": TEXT,
    "below": TEXT,
    "separator": Character(),
}
# number of items; all other keys of RANGES take no list
LENGTHS = {
    "allow": ANY_LENGTH,
    "optimizer.betas": PAIR,
    "data.size": PAIR,
    "data.coefficients": COUNT,
    "data.x_train": COUNT,
    "data.target": COUNT,
    "data.ignore": ANY_LENGTH,
    "model.hidden_features": ORDINAL,  # validate.py refuses an empty one with a remedy
}
SCALAR_OR_LIST = {"data.target", "data.ignore"}
# keys that may be null even where their default is not
NULLABLE = {
    *("data.folds", "data.num_train", "data.group", "data.ignore", "data.ranges", "data.x_train"),
    *("loss.weight", "loss.pos_weight", "model.max_norm", "model.initial_weight", "model.initial_bias"),
    *("trainer.max_time", "trainer.gradient_clip_val", "optimizer.line_search_fn", "choice.experiment"),
}
# packages whose classes a `_target_` may name; `allow` adds modules
ALLOWED_PACKAGES = ("mlplab", "torch", "torchvision", "lightning", "torchmetrics", "sklearn")
# keys of conf/trainer/default.yaml; with any other Trainer argument neither fused mini-batches nor stacks are used
TRAINER_KEYS = {
    *("_target_", "max_epochs", "max_time", "accelerator", "devices", "precision", "gradient_clip_val"),
    *("deterministic", "compile", "matmul_precision", "blocks"),
}
# Trainer arguments that mlplab sets itself
RESERVED_TRAINER_KEYS = {
    *("logger", "callbacks", "default_root_dir", "num_sanity_val_steps", "log_every_n_steps", "enable_progress_bar"),
    *("enable_model_summary", "enable_checkpointing", "fast_dev_run", "overfit_batches", "barebones"),
    *("limit_val_batches", "limit_test_batches", "limit_predict_batches", "check_val_every_n_epoch"),
    *("val_check_interval", "strategy", "num_nodes", "use_distributed_sampler", "reload_dataloaders_every_n_epochs"),
}
ACCELERATORS = ("auto", "cpu", "gpu", "cuda", "mps")
CHOICES: dict[str, tuple[Any, ...]] = {
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
    "trainer.accelerator": ACCELERATORS,
    "trainer.precision": ("32-true", "64-true", "bf16-mixed", "16-mixed"),
    "trainer.matmul_precision": ("highest", "high", "medium"),
    "sweep.resume": (None, True, False, "failed"),
    # keys of the other commands
    "accelerator": (*ACCELERATORS, None),
    "split": ("train", "val", "test", None),
    "slice": ("pca", "random", "none", None),
    "gaps": ("refuse", "fill"),
    "invert": ("auto", True, False, None),
}
# keys of hydra/sweeper and hydra/launcher, which sweep/ checks
SWEEPER_RANGES = {"num_jobs": COUNT, "at_once": COUNT, "first": COUNT, "grace": COUNT, "eta": ETA}
SWEEPER_CHOICES: dict[str, tuple[Any, ...]] = {
    "sampler": ("random", "tpe"),
    "pruner": ("none", "median", "hyperband"),
    "join": (True, False),
}
LAUNCHER_COUNTS = ("most", "at_once", "threads", "timeout_min", "cpus_per_task", "mem_gb", "array_parallelism")
# tasks, by the names of data.splits.Task, losses and metrics of each learner
LEARNER_TASKS = {"classifier": "classification", "binary_classifier": "binary", "regressor": "regression"}
LOSSES = {
    "classifier": ("ce", "mse", "mae"),
    "binary_classifier": ("bce", "mse", "mae"),
    "regressor": ("mse", "mae", "rmse", "huber"),
}
# by metric, whether its best value is the lowest or the highest
CLASS_METRICS: dict[str, Mode] = {"accuracy": "max", "precision": "max", "recall": "max", "f1": "max"}
METRICS: dict[str, dict[str, Mode]] = {
    "classifier": CLASS_METRICS,
    "binary_classifier": {**CLASS_METRICS, "auroc": "max"},
    "regressor": {"mse": "min", "rmse": "min", "mae": "min", "r2": "max"},
}


def allowed_values() -> dict[str, str]:
    """Returns what the value of each key must be, as messages, `--help` and docs/keys.md say it."""
    choices = {key: f"one of {', '.join(map(format_value, values))}" for key, values in CHOICES.items()}
    return {key: str(allowed) for key, allowed in RANGES.items()} | choices


def allowed_values_text() -> str:
    """Returns the keys of train by what they must be, for `--help`."""
    keys: dict[str, list[str]] = {}
    for key, allowed in allowed_values().items():
        if "." in key or key in ("seed", "batch_size", "ensemble"):
            keys.setdefault(allowed, []).append(key)
    lines = [f"{allowed}: {', '.join(names)}" for allowed, names in keys.items()]
    return "\n".join(textwrap.fill(line, 110, subsequent_indent="  ") for line in lines)


def is_regression(learner: str) -> bool:
    return LEARNER_TASKS[learner] == "regression"


def monitor_mode(monitor: str) -> Mode:
    """Returns whether a lower or a higher value of the score `<metric>/<split>` is better."""
    metric = monitor.partition("/")[0]
    return next((metrics[metric] for metrics in METRICS.values() if metric in metrics), "min")
