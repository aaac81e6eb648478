"""Sorts the jobs of a sweep into stacks: jobs of a stack differ only in values that members may have themselves."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from mlplab.config.schema import TRAINER_KEYS
from mlplab.config.tree import flatten

Values = Mapping[str, Any]  # of one configuration, by dotted key

# keys whose values may differ between the members of a stack
PER_MEMBER = re.compile(
    r"seed|data\.fold"
    r"|optimizer\.(lr|weight_decay|momentum|betas|alpha|eps)|scheduler\.(?!_target_|cycle_momentum).*"
    r"|model\.(dropout|input_noise|initialisation|initial_weight|initial_bias)|loss\.label_smoothing"
    r"|(model\.)?activation\.(alpha|negative_slope|beta|init|min_val|max_val)|callback\.early_stopping\.(patience|min_delta)"
)
IGNORED = {"run_dir", "sweep.name", "debug", "allow"}  # have no effect on training
ZERO_REMOVES = ("model.dropout", "model.input_noise", "optimizer.momentum")  # at 0 a layer, or a state, is left out
OPTIMIZERS = {f"torch.optim.{name}" for name in ("SGD", "Adam", "AdamW", "Adamax", "NAdam", "RMSprop", "Adagrad")}
OPTIMIZER_KEYS = {
    *("_target_", "_partial_", "lr", "betas", "weight_decay", "momentum", "nesterov", "alpha", "fused", "eps"),
}
UNSUPPORTED_REPORTS = ("graph", "images", "histograms", "shape", "trajectory")  # drawn during training


class Grouping(NamedTuple):
    """stacks: indices of the jobs of each stack, two or more. single: why a job trains alone, by its index."""

    stacks: list[list[int]]
    single: dict[int, str]


def group_jobs(configs: Sequence[Mapping[str, Any]]) -> Grouping:
    """Sorts the jobs of a sweep into stacks."""
    groups: dict[str, list[int]] = {}
    single: dict[int, str] = {}
    for index, config in enumerate(configs):
        values = dict(flatten(config))
        if reason := why_not_stacked(values):
            single[index] = reason
        else:
            groups.setdefault(stack_key(values), []).append(index)
    return split_off_single(groups.values(), single, "no other job can share its stack")


def split_off_single(groups: Iterable[list[int]], single: Mapping[int, str], reason: str) -> Grouping:
    """Adds each group of one job to `single`, with the reason."""
    groups = list(groups)
    alone = {group[0]: reason for group in groups if len(group) == 1}
    return Grouping([group for group in groups if len(group) > 1], {**single, **alone})


def stack_key(values: Values) -> str:
    """Returns what all members of a stack have in common."""
    shared = {key: value for key, value in values.items() if key not in IGNORED and not PER_MEMBER.fullmatch(key)}
    return repr([sorted(map(str, shared.items())), [bool(values.get(key)) for key in ZERO_REMOVES]])


def why_not_stacked(values: Values) -> str:
    """Returns why a job cannot be a member of any stack, or an empty string."""
    precision = values["trainer.precision"]
    callbacks = _keys_of("callback", values) - {"early_stopping"}
    reports = [name for name in UNSUPPORTED_REPORTS if values.get(f"report.{name}")]
    reasons = {
        f"optimizer={values['choice.optimizer']}": values["optimizer._target_"] not in OPTIMIZERS,
        "unsupported optimizer keys": bool(_keys_of("optimizer", values) - OPTIMIZER_KEYS),
        "scheduler.cycle_momentum=true": bool(values.get("scheduler.cycle_momentum")),
        f"trainer.precision={precision}": precision not in ("32-true", "64-true"),
        "trainer.max_time": values.get("trainer.max_time") is not None,
        "trainer.compile=true": bool(values.get("trainer.compile")),
        "unsupported trainer keys": bool(_keys_of("trainer", values) - TRAINER_KEYS),
        f"callback {', '.join(sorted(callbacks))}": bool(callbacks),
        f"report.{', '.join(reports)}": bool(reports),
        f"model={values['choice.model']}": not values["model._target_"].startswith("mlplab."),
        f"learner={values['choice.learner']}": not values["learner._target_"].startswith("mlplab."),
    }
    return next((reason for reason, applies in reasons.items() if applies), "")


def _keys_of(group: str, values: Values) -> set[str]:
    """Returns the keys directly below a group."""
    return {key.split(".")[1] for key in values if key.startswith(f"{group}.")}
