"""Which jobs of a sweep can be trained as one: alike in all but numbers that each member may have of its own."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from mlplab.config.schema import TRAINER_KEYS
from mlplab.config.tree import flatten

Config = Mapping[str, Any]

# of a member's own: whatever a pattern matches
OWN = re.compile(
    r"seed|data\.fold"
    r"|optimizer\.(lr|weight_decay|momentum|betas|alpha|eps)|scheduler\.(?!_target_|cycle_momentum).*"
    r"|model\.(dropout|input_noise|initialisation|initial_weight|initial_bias)|loss\.label_smoothing"
    r"|(model\.)?activation\.(alpha|negative_slope|beta|init|min_val|max_val)|callback\.early_stopping\.(patience|min_delta)"
)
ELSEWHERE = {"run_dir", "sweep.name", "debug", "allow"}  # tell nothing of the training
PRESENT = ("model.dropout", "model.input_noise", "optimizer.momentum")  # 0 leaves a layer, or a state, out
OPTIMIZERS = {f"torch.optim.{name}" for name in ("SGD", "Adam", "AdamW", "Adamax", "NAdam", "RMSprop", "Adagrad")}
SETTINGS = {"_target_", "_partial_", "lr", "betas", "weight_decay", "momentum", "nesterov", "alpha", "fused", "eps"}
DRAWN = ("graph", "images", "histograms", "shape", "trajectory")


def group_jobs(configs: Sequence[Config]) -> tuple[list[list[int]], dict[int, str]]:
    """Places of the jobs of each stack, two or more; and of those that run singly, with the reason."""
    found: dict[str, list[int]] = {}
    alone: dict[int, str] = {}
    for place, config in enumerate(configs):
        if reason := why_not_stacked(config):
            alone[place] = reason
        else:
            found.setdefault(stack_key(config), []).append(place)
    alone |= {places[0]: "no other job has its form" for places in found.values() if len(places) == 1}
    return [places for places in found.values() if len(places) > 1], alone


def stack_key(config: Config) -> str:
    """What the members of a stack share."""
    held = dict(flatten(config))
    shared = {key: value for key, value in held.items() if key not in ELSEWHERE and not OWN.fullmatch(key)}
    return repr([sorted(map(str, shared.items())), [bool(held.get(key)) for key in PRESENT]])


def why_not_stacked(config: Config) -> str:
    """Why a job cannot be a member of any stack, or nothing."""
    trainer, optimizer = config["trainer"], config["optimizer"]
    callbacks = set(config.get("callback") or {}) - {"early_stopping"}
    drawn = [name for name in DRAWN if config["report"].get(name)]
    reasons = {
        f"optimizer={config['choice']['optimizer']}": optimizer["_target_"] not in OPTIMIZERS,
        "optimizer settings of its own": bool(set(optimizer) - SETTINGS),
        "scheduler.cycle_momentum=true": bool((config.get("scheduler") or {}).get("cycle_momentum")),
        f"trainer.precision={trainer['precision']}": trainer["precision"] not in ("32-true", "64-true"),
        "trainer.max_time": trainer.get("max_time") is not None,
        "trainer.compile=true": bool(trainer.get("compile")),
        "trainer settings of its own": bool(set(trainer) - TRAINER_KEYS),
        f"callback {', '.join(sorted(callbacks))}": bool(callbacks),
        f"report.{', '.join(drawn)}": bool(drawn),
        f"model={config['choice']['model']}": not config["model"]["_target_"].startswith("mlplab."),
        f"learner={config['choice']['learner']}": not config["learner"]["_target_"].startswith("mlplab."),
    }
    return next((reason for reason, holds in reasons.items() if holds), "")
