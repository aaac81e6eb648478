"""Validates a configuration: types, ranges, classes that may be instantiated, options that do not fit each other.

Needs neither torch nor lightning, so that an error is reported before they are imported.
"""

import math
import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from mlplab.config.groups import choices_with
from mlplab.config.schema import (
    ALLOWED_PACKAGES,
    CHOICES,
    LENGTHS,
    LOSSES,
    METRICS,
    NULLABLE,
    RANGES,
    RESERVED_TRAINER_KEYS,
    SCALAR_OR_LIST,
    allowed_values,
    is_regression,
)
from mlplab.config.tree import flatten, format_value, select
from mlplab.errors import UserError

Config = Mapping[str, Any]
MISSING = object()
TYPE_NAMES = {int: "an integer", float: "a number", bool: "true or false", list: "a list", dict: "a mapping"}
SMALLEST_FLOAT32 = 1e-38
INSTANTIATE_KEYS = ("_args_", "_recursive_", "_convert_")
HAS_OFFICIAL_SPLIT = ("mlplab.data.vision.Vision", "mlplab.data.sign_mnist.SignMNIST")
HAS_GROUPS = ("mlplab.data.sign_mnist.SignMNIST",)


def validate(config: Config, defaults: Config) -> None:
    """Raises UserError for the first key that is wrong.

    config: plain containers, resolved. defaults: the same choices without overrides of single keys.
    """
    flat = dict(flatten(config))
    _check_nothing_missing(flat)
    for key in config:
        if key not in defaults:
            raise UserError(f"{key}: unknown key")
    for key, default in flatten(defaults):
        value = select(config, key, MISSING)
        if value is MISSING:
            raise _deleted_key(config, key)
        _check_type(key, value, default)
    _check_values(config)
    for key, value in flat.items():
        _check_finite(key, value)
    _check_targets(flat, defaults, config.get("allow", []))
    for key in set(config["trainer"]) & RESERVED_TRAINER_KEYS:
        raise UserError(f"trainer.{key}: cannot be set: mlplab sets it")
    for group in ("scheduler", "callback"):
        _check_objects(group, config[group])
    _check_choices(config, defaults)
    check_combinations(config)


def validate_command(settings: Config, defaults: Config) -> None:
    """Validates the options of a command that trains no run: all keys are known, and each value has the type of its
    default."""
    flat = dict(flatten(settings))
    _check_nothing_missing(flat)
    for key, value in flat.items():
        default = select(defaults, key, MISSING)
        if default is MISSING:
            raise UserError(f"{key}: unknown key")
        _check_type(key, value, default)
    _check_values(settings)


def cast_like_default(value: Any, default: Any) -> Any:
    """Casts int to float where the default is a float: torch refuses betas of both types."""
    if isinstance(value, Mapping) and isinstance(default, Mapping):
        return {key: cast_like_default(item, default.get(key)) for key, item in value.items()}
    if isinstance(value, list) and isinstance(default, list) and default:
        return [cast_like_default(item, default[0]) for item in value]
    return float(value) if isinstance(default, float) and type(value) is int else value


def is_allowed_name(name: str, allow: Sequence[str], packages: Sequence[str] = ALLOWED_PACKAGES) -> bool:
    """Returns whether a dotted name is in one of the packages, or in a module that `allow` names."""
    return any(f"{name}.".startswith(f"{module}.") for module in (*packages, *allow))


def not_allowed_message(key: str, name: str) -> str:
    module = name.rpartition(".")[0] or name
    packages = "mlplab" if key == "data.function" else ", ".join(ALLOWED_PACKAGES)
    return f"{key}={name}: must be from {packages}; for code that you trust add allow=[{module}]"


def unresolved_message(key: str, value: object) -> str:
    return f"{key}={format_value(value)}: is resolved only later; write what it stands for"


def instantiate_option_message(key: str) -> str:
    return f"{key}: cannot be set: an option of hydra.utils.instantiate, not of the object"


def check_choice(key: str, value: Any) -> None:
    """Raises UserError where a value is none of the CHOICES of its key."""
    if not any(value == choice and type(value) is type(choice) for choice in CHOICES[key]):  # True == 1
        raise UserError(f"{key}={format_value(value)}: must be {allowed_values()[key]}")


def _check_nothing_missing(flat: Mapping[str, Any]) -> None:
    missing = [key for key, value in flat.items() if value == "???"]
    if missing:
        raise UserError(f"{missing[0]} is missing: give {' '.join(f'{key}=...' for key in missing)}")


def _deleted_key(config: Config, key: str) -> UserError:
    """Returns the error for a key that was deleted, or whose parent was replaced by a plain value."""
    parent = key.rpartition(".")[0]
    while parent:
        value = select(config, parent, MISSING)
        if value is not MISSING:
            if isinstance(value, Mapping):
                break
            return UserError(f"{parent}={format_value(value)}: must be a mapping; set single keys, as {key}=...")
        key, parent = parent, parent.rpartition(".")[0]
    return UserError(f"{key}: required key is missing")


def _check_type(key: str, value: Any, default: Any) -> None:
    """Checks a value's type by its default; an int may stand for a float; a default of null allows any type."""
    if key in LENGTHS and value is not None:
        _check_length(key, value)
    elif isinstance(value, list) and not isinstance(default, list) and (default is not None or key in RANGES):
        raise UserError(f"{key}={format_value(value)}: must be one value, not a list")
    if value is None and (default is None or key in NULLABLE):
        return
    if isinstance(value, list) and isinstance(default, list):
        good = not default or all(_has_type_of(default[0], item) for item in value)
        kind = type(default[0]) if default else list
    else:
        good, kind = value is not None and _has_type_of(default, value), type(default)
    if not good:
        example = "" if default == "???" or kind is bool else f", such as {format_value(default)}"
        raise UserError(f"{key}={format_value(value)}: must be {TYPE_NAMES.get(kind, 'a string')}{example}")


def _has_type_of(default: Any, value: Any) -> bool:
    if default in (None, "???"):
        return True
    kinds: Any = {float: int | float, str: str | int | float}.get(type(default), type(default))
    return isinstance(value, kinds) and isinstance(value, bool) == isinstance(default, bool)


def _check_length(key: str, value: Any) -> None:
    if not isinstance(value, list):
        if key in SCALAR_OR_LIST:
            return
        raise UserError(f"{key}={format_value(value)}: must be a list, such as [{format_value(value)}]")
    allowed = LENGTHS[key]
    if not allowed.holds(len(value)):
        count = allowed.low if allowed.low == allowed.high else f"at least {allowed.low}"
        raise UserError(f"{key}={format_value(value)}: must be a list of {count}, not of {len(value)}")


def _check_values(config: Config) -> None:
    """Checks all keys of RANGES and CHOICES that the configuration has."""
    for key, allowed in RANGES.items():
        value = select(config, key)
        for item in _items(key, value):
            if not allowed.holds(item):
                raise UserError(f"{key}={format_value(value)}: must be {allowed}")
    for key in CHOICES:
        value = select(config, key, MISSING)
        if value is not MISSING:
            check_choice(key, value)


def _items(key: str, value: Any) -> list[Any]:
    if isinstance(value, Mapping) and key == "callback.gradient_accumulation.scheduling":
        return list(value.values())
    return value if isinstance(value, list) else [] if value is None else [value]


def _check_finite(key: str, value: Any) -> None:
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, int | float) and not abs(item) <= sys.float_info.max:  # false for NaN
            raise UserError(f"{key}={format_value(value)}: must be a finite number")
        if isinstance(item, float) and 0 < abs(item) < SMALLEST_FLOAT32:
            raise UserError(f"{key}={format_value(value)}: too small for float32, whose limit is {SMALLEST_FLOAT32:g}")


def _check_targets(flat: Mapping[str, Any], defaults: Config, allow: Sequence[str]) -> None:
    """Names of classes and functions, from an allowed package. run/instantiate.py looks at the objects themselves."""
    for key, value in flat.items():
        last = key.rpartition(".")[2]
        has_target = select(defaults, key.removesuffix(last) + "_target_") is not None
        if last in INSTANTIATE_KEYS or (last == "_partial_" and has_target and value != select(defaults, key)):
            raise UserError(instantiate_option_message(key))
        if last == "_target_" and not (isinstance(value, str) and is_allowed_name(value, allow)):
            raise UserError(not_allowed_message(key, format_value(value)))
        if key == "data.function" and not is_allowed_name(str(value), ["mlplab.data.function", *allow], packages=()):
            raise UserError(not_allowed_message(key, str(value)))


def _check_objects(group: str, values: Config) -> None:
    """Checks a group that may be empty: it is one object, or for callbacks holds objects only."""
    for key, value in values.items():
        is_object = isinstance(value, Mapping) and "_target_" in value
        if not is_object and (group == "callback" or "_target_" not in values):
            raise UserError(f"{group}.{key}: unknown key for the chosen {group}; see --help for the choices")


def _check_choices(config: Config, defaults: Config) -> None:
    """Refuses `_target_` and `name` of another choice: a run is identified by its choices."""
    for group in config["choice"]:
        for key in ("_target_", "name"):
            value, usual = ((values.get(group) or {}).get(key) for values in (config, defaults))
            if value != usual and (others := choices_with(group, key, value)):
                chosen = f"{group}={config['choice'][group]}"
                raise UserError(f"{group}.{key}={value}: not that of {chosen}; choose {group}={' or '.join(others)}")


def check_learner_fits_data(choice: Mapping[str, str], usual: str) -> None:
    """usual: the dataset's own choice of a learner, which is that of its task."""
    if is_regression(choice["learner"]) != is_regression(usual):
        task = "regression" if is_regression(usual) else "classification"
        raise UserError(f"learner={choice['learner']} does not fit data={choice['data']}, whose task is {task}")


def check_combinations(config: Config) -> None:
    """Refuses options that are valid alone and do not fit each other. config: plain containers, resolved."""
    choice = config["choice"]
    for group, chosen in choice.items():
        if not isinstance(chosen, str) and group != "experiment":
            raise UserError(f"{group}: choose one")
    if "_target_" not in config["data"]:
        raise UserError(f"data={choice['data']}: holds the keys that datasets share; see --help for the datasets")
    if config.get("cv") is not None:
        raise UserError(f"cv={config['cv']}: only for the command line of a sweep; set data.folds here")
    _check_loss_and_monitor(choice["learner"], choice["loss"], config["monitor"])
    _check_data(config["data"], choice["learner"])
    _check_model(config["model"], config["learner"], choice["learner"])
    if config["model"].get("normalisation") == "batch" and config["batch_size"] == 1:
        raise UserError("batch_size=1: batch normalisation needs at least 2 rows; use model.normalisation=layer")
    _check_max_time(config["trainer"].get("max_time"))
    _check_cycle_momentum(config["scheduler"], config["optimizer"], choice["optimizer"])


def _check_loss_and_monitor(learner: str, loss: str, monitor: str) -> None:
    if loss not in LOSSES[learner]:
        raise UserError(f"loss={loss} does not fit learner={learner}: choose {', '.join(LOSSES[learner])}")
    scores = [f"{metric}/{split}" for metric in ("loss", *METRICS[learner]) for split in ("val", "train")]
    if monitor not in scores:
        raise UserError(f"monitor={monitor}: unknown score; choose {', '.join(scores)}")


def _check_data(data: Config, learner: str) -> None:
    task = data.get("task")
    if task is not None and (task == "regression") != is_regression(learner):
        raise UserError(f"data.task={task} does not fit learner={learner}")
    if not is_regression(learner) and data.get("label_noise", 0) > 1:
        raise UserError(f"data.label_noise={data['label_noise']}: must be at most 1, as a fraction of the labels")
    if "low" in data and not data["low"] < data["high"]:
        raise UserError(f"data.low={data['low']}: must be below data.high={data['high']}")
    if "low" in data and math.isinf(data["high"] - data["low"]):
        raise UserError(f"data.low={data['low']} and data.high={data['high']}: too far apart for a float")
    _check_split(data)
    _check_folds(data)
    _check_columns(data.get("target"), task)
    if data.get("ranges") is not None:
        _check_ranges(data["ranges"])


def _check_split(data: Config) -> None:
    """Checks the split; which ones a dataset has is known for those of mlplab."""
    split, kind = data["split"], data["_target_"]
    if data.get("x_train") is not None and split != "official":
        raise UserError(f"data.split={split}: data.x_train needs data.split=official")
    if kind.startswith("mlplab."):
        if split == "official" and kind not in HAS_OFFICIAL_SPLIT and data.get("x_train") is None:
            raise UserError("data.split=official: this dataset has no official split; use random or group")
        if split == "group" and kind not in HAS_GROUPS and data.get("group") is None:
            remedy = "name a column with data.group" if "group" in data else "use random"
            raise UserError(f"data.split=group: this dataset has no groups; {remedy}")
    if split != "official" and data.get("folds") is None and data["val_fraction"] + data["test_fraction"] >= 1:
        fractions = f"data.val_fraction={data['val_fraction']} and data.test_fraction={data['test_fraction']}"
        raise UserError(f"{fractions} leave no training rows: their sum must be below 1")


def _check_folds(data: Config) -> None:
    folds, fold = data.get("folds"), data.get("fold", 0)
    if folds is None and fold:
        raise UserError(f"data.fold={fold}: needs data.folds, such as data.folds=5")
    if folds is not None and fold >= folds:
        raise UserError(f"data.fold={fold}: must be an integer from 0 to {folds - 1}, as data.folds={folds}")
    if folds is not None and data.get("x_train") is not None:
        raise UserError(f"data.folds={folds}: does not fit data.x_train, which names the training rows")


def _check_columns(target: Any, task: str | None) -> None:
    if not isinstance(target, list):
        return
    duplicate = next((name for name in target if target.count(name) > 1), None)
    if duplicate is not None:
        raise UserError(f"data.target: {duplicate} is given twice")
    if task == "classification" and len(target) > 1:
        raise UserError("data.target: data.task=classification takes one column; a list needs data.task=regression")


def _check_ranges(ranges: Any) -> None:
    example = "such as {T: [250, 400], P: [1, 10]}"
    if not isinstance(ranges, Mapping) or not ranges:
        raise UserError(f"data.ranges={ranges}: must be [low, high] for each argument, {example}")
    for name, limits in ranges.items():
        numbers = isinstance(limits, list) and all(isinstance(limit, int | float) for limit in limits)
        if not numbers or len(limits) != 2 or not limits[0] < limits[1]:
            raise UserError(f"data.ranges: {name}: {limits} is not [low, high] with low below high, {example}")


def _check_model(model: Config, learner_options: Config, learner: str) -> None:
    if model.get("hidden_features") == []:
        raise UserError("model.hidden_features=[]: for no hidden layer use model=linear")
    output = model.get("output_activation", "linear")
    if output != "linear" and not is_regression(learner):
        raise UserError(f"model.output_activation={output}: learner={learner} needs model.output_activation=linear")
    if output in ("sigmoid", "softplus") and learner_options.get("target_scaling") == "standard":
        raise UserError(f"model.output_activation={output}: is never negative; use learner.target_scaling=minmax")
    activation = model.get("activation", {})
    if "min_val" in activation and not activation["min_val"] < activation["max_val"]:
        low, high = activation["min_val"], activation["max_val"]
        raise UserError(f"activation.min_val={low}: must be below activation.max_val={high}")


def _check_max_time(limit: Any) -> None:
    if limit is not None and not (re.fullmatch(r"\d+:\d\d:\d\d:\d\d", str(limit)) and re.search("[1-9]", str(limit))):
        raise UserError(f"trainer.max_time={limit}: must be DD:HH:MM:SS above 0, such as 00:00:10:00 for ten minutes")


def _check_cycle_momentum(scheduler: Config, optimizer: Config, chosen: str) -> None:
    cycles = scheduler.get("cycle_momentum") and not optimizer["_target_"].endswith(".SGD")
    if cycles and not {"momentum", "betas"} & set(optimizer):
        raise UserError(f"scheduler.cycle_momentum=true: optimizer={chosen} has no momentum to cycle")
