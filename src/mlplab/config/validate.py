"""Is the configuration good? Known before anything heavy is imported: this file needs neither torch nor lightning."""

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
    is_regression,
)
from mlplab.config.tree import flatten, format_value, select
from mlplab.errors import UserError

Config = Mapping[str, Any]
MISSING = object()
TYPE_NAMES = {int: "a whole number", float: "a number", bool: "true or false", list: "a list", dict: "a mapping"}
SMALLEST_FLOAT32 = 1e-38
INSTANTIATE_KEYS = ("_args_", "_recursive_", "_convert_")


def validate(config: Config, defaults: Config) -> None:
    """config: resolved, plain containers. defaults: the same before single keys were overridden.

    Raises Mistake for the first key that is wrong.
    """
    _complete(config)
    for key in config:
        if key not in defaults:
            raise UserError(f"{key}: nothing reads a key of this name")
    for key, default in flatten(defaults):
        value = select(config, key, MISSING)
        if value is MISSING:
            raise _gone(config, key)
        _right_kind(key, value, default)
    _allowed(config)
    for key, value in flatten(config):
        _finite(key, value)
    _targets(config, defaults)
    check_choices(config, defaults)
    check_combinations(config)


def cast_like_default(value: Any, default: Any) -> Any:
    """The same, with a float for an int where the default has floats: torch takes no betas of both kinds."""
    if isinstance(value, Mapping) and isinstance(default, Mapping):
        return {key: cast_like_default(item, default.get(key)) for key, item in value.items()}
    if isinstance(value, list) and isinstance(default, list) and default:
        return [cast_like_default(item, default[0]) for item in value]
    return float(value) if isinstance(default, float) and type(value) is int else value


def validate_command(config: Config, defaults: Config) -> None:
    """Of a door that makes no run: the keys are its own, and each value has the type of its default."""
    _complete(config)
    for key, value in flatten(config):
        if select(defaults, key, config) is config:
            raise UserError(f"{key}: nothing reads a key of this name")
        _right_kind(key, value, select(defaults, key))
    _allowed(config)


def is_allowed_name(name: str, allow: Sequence[str], packages: Sequence[str] = ALLOWED_PACKAGES) -> bool:
    """Whether a dotted name lies in a package that may be used, or in a module that `allow` names."""
    return any(f"{name}.".startswith(f"{module}.") for module in (*packages, *allow))


def _complete(config: Config) -> None:
    missing = [key for key, value in flatten(config) if value == "???"]
    if missing:
        raise UserError(f"{missing[0]} is missing: give {' '.join(f'{key}=...' for key in missing)}")


def _gone(config: Config, key: str) -> UserError:
    """A key that was deleted, or lies below one that is a plain value now."""
    above = key.rpartition(".")[0]
    while above:
        value = select(config, above, MISSING)
        if value is not MISSING:
            if isinstance(value, Mapping):
                break
            return UserError(
                f"{above}={format_value(value)}: keys and values are needed; set them one by one, as {key}=..."
            )
        key, above = above, above.rpartition(".")[0]
    return UserError(f"{key}: this key is needed")


def _right_kind(key: str, value: Any, default: Any) -> None:
    """Each value has the type of its default; an int may stand for a float, a default of null takes any."""
    if key in LENGTHS and value is not None:
        _right_length(key, value)
    elif isinstance(value, list) and not isinstance(default, list) and (default is not None or key in RANGES):
        raise UserError(f"{key}={format_value(value)}: one value is needed, not a list")
    if value is None and (default is None or key in NULLABLE):
        return
    if isinstance(value, list) and isinstance(default, list):
        good = not default or all(_is_kind(item, default[0]) for item in value)
        kind = type(default[0]) if default else list
    else:
        good, kind = value is not None and _is_kind(value, default), type(default)
    if not good:
        example = "" if default == "???" else f", such as {format_value(default)}"
        raise UserError(f"{key}={format_value(value)}: {TYPE_NAMES.get(kind, 'a word')} is needed{example}")


def _is_kind(value: Any, default: Any) -> bool:
    if default in (None, "???"):
        return True
    kinds: Any = {float: int | float, str: str | int | float}.get(type(default), type(default))
    return isinstance(value, kinds) and isinstance(value, bool) == isinstance(default, bool)


def _right_length(key: str, value: Any) -> None:
    if not isinstance(value, list):
        if key in SCALAR_OR_LIST:
            return
        raise UserError(f"{key}={format_value(value)}: a list is needed, such as [{format_value(value)}]")
    allowed = LENGTHS[key]
    if not allowed.holds(len(value)):
        count = allowed.low if allowed.low == allowed.high else f"at least {allowed.low}"
        raise UserError(f"{key}={format_value(value)}: a list of {count} is needed, not of {len(value)}")


def _allowed(config: Config) -> None:
    for key, allowed in RANGES.items():
        value = select(config, key)
        for item in _items(key, value):
            if not allowed.holds(item):
                raise UserError(f"{key}={format_value(value)}: must be {allowed}")
    for key, choices in CHOICES.items():
        value = select(config, key, choices[0])
        if not any(value == choice and type(value) is type(choice) for choice in choices):  # True == 1
            raise UserError(f"{key}={format_value(value)}: must be one of {', '.join(map(format_value, choices))}")


def _items(key: str, value: Any) -> list[Any]:
    if isinstance(value, Mapping) and key == "callback.gradient_accumulation.scheduling":
        return list(value.values())
    return value if isinstance(value, list) else [] if value is None else [value]


def _finite(key: str, value: Any) -> None:
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, int | float) and not abs(item) <= sys.float_info.max:  # false for NaN
            raise UserError(f"{key}={format_value(value)}: must be a finite number")
        if isinstance(item, float) and 0 < abs(item) < SMALLEST_FLOAT32:
            raise UserError(f"{key}={format_value(value)}: too small, float32 ends at {SMALLEST_FLOAT32:g}")


def _targets(config: Config, defaults: Config) -> None:
    """What is made of a configuration comes from a known package: a first look, by name; allowed.py looks again."""
    allow = config.get("allow", [])
    for key, value in flatten(config):
        last = key.rpartition(".")[2]
        usual = select(defaults, key.removesuffix(last) + "_target_") is not None
        if last in INSTANTIATE_KEYS or (last == "_partial_" and usual and value != select(defaults, key)):
            raise UserError(f"{key}: not a setting; it belongs to how objects are made")
        if last == "_target_" and not (isinstance(value, str) and is_allowed_name(value, allow)):
            raise UserError(not_allowed_message(key, format_value(value)))
        if key == "data.function" and not is_allowed_name(str(value), ["mlplab.data.function", *allow], packages=()):
            raise UserError(not_allowed_message(key, str(value)))
    for key in set(config["trainer"]) & RESERVED_TRAINER_KEYS:
        raise UserError(f"trainer.{key}: the lab sets it itself")
    for group in ("scheduler", "callback"):
        for key, value in config[group].items():
            made = isinstance(value, Mapping) and "_target_" in value
            if not made and (group == "callback" or "_target_" not in config[group]):
                raise UserError(
                    f"{group}.{key}: what is chosen has no such key; see --help for the choices of {group}="
                )


def not_allowed_message(key: str, name: str) -> str:
    module = name.rpartition(".")[0] or name
    known = "of mlplab" if key == "data.function" else f"of {', '.join(ALLOWED_PACKAGES)}"
    return f"{key}={name}: is not {known}; for code that you trust add allow=[{module}]"


HAS_OFFICIAL_SPLIT = ("mlplab.data.vision.Vision", "mlplab.data.sign_mnist.SignMNIST")
HAS_GROUPS = ("mlplab.data.sign_mnist.SignMNIST",)


def check_combinations(config: Config) -> None:
    """config: resolved, plain containers; each value alone is good. Raises Mistake for the first that does not fit."""
    choice = config["choice"]
    for group, chosen in choice.items():
        if not isinstance(chosen, str) and group != "experiment":
            raise UserError(f"{group}: choose one")
    if "_target_" not in config["data"]:
        raise UserError(f"data={choice['data']} is what datasets share, not a dataset; see --help for the choices")
    if config.get("cv") is not None:
        raise UserError(f"cv={config['cv']}: stands for two keys on the command line of a sweep; give data.folds here")
    _loss_and_monitor(config, choice["learner"], choice["loss"])
    _data(config["data"], choice["learner"])
    _model(config, choice["learner"])
    _schedule(config)


def check_choices(config: Config, defaults: Config) -> None:
    """A run is known by its choices, so what another choice makes is not set behind the name of this one."""
    for group in config["choice"]:
        for key in ("_target_", "name"):
            value, usual = ((one.get(group) or {}).get(key) for one in (config, defaults))
            if value != usual and (others := choices_with(group, key, value)):
                chosen = f"choose by {group}={' or '.join(others)}"
                raise UserError(f"{group}.{key}={value}: is not that of {group}={config['choice'][group]}; {chosen}")


def check_learner_fits_data(config: Config, usual: str) -> None:
    """usual: the learner that the dataset picks itself, which tells what its target is."""
    choice = config["choice"]
    if is_regression(choice["learner"]) != is_regression(usual):
        kind = "values" if is_regression(usual) else "classes"
        raise UserError(f"learner={choice['learner']} does not fit data={choice['data']}, whose target is {kind}")


def _loss_and_monitor(config: Config, learner: str, loss: str) -> None:
    if loss not in LOSSES[learner]:
        raise UserError(f"loss={loss} does not fit learner={learner}: choose {', '.join(LOSSES[learner])}")
    scores = [f"{metric}/{split}" for metric in ("loss", *METRICS[learner]) for split in ("val", "train")]
    if config["monitor"] not in scores:
        raise UserError(f"monitor={config['monitor']}: there is no such score; choose {', '.join(scores)}")


def _data(data: Config, learner: str) -> None:
    task = data.get("task")
    if task is not None and (task == "regression") != is_regression(learner):
        raise UserError(f"data.task={task} does not fit learner={learner}")
    if not is_regression(learner) and data.get("label_noise", 0) > 1:
        raise UserError(f"data.label_noise={data['label_noise']}: a share of the labels is at most 1")
    if "low" in data and not data["low"] < data["high"]:
        raise UserError(f"data.low={data['low']} is not below data.high={data['high']}")
    if "low" in data and math.isinf(data["high"] - data["low"]):
        raise UserError(f"data.low={data['low']} and data.high={data['high']} are too far apart")
    if data.get("x_train") is not None and data["split"] != "official":
        raise UserError(f"data.split={data['split']}: data.x_train needs data.split=official")
    _split(data)
    _folds(data)
    if data["split"] != "official" and data.get("folds") is None and data["val_fraction"] + data["test_fraction"] >= 1:
        given = f"data.val_fraction={data['val_fraction']} and data.test_fraction={data['test_fraction']}"
        raise UserError(f"{given} leave no training rows: together they must stay below 1")
    targets = data.get("target")
    if isinstance(targets, list):
        twice = next((name for name in targets if targets.count(name) > 1), None)
        if twice is not None:
            raise UserError(f"data.target: {twice} is given twice")
        if task == "classification" and len(targets) > 1:
            raise UserError("data.target: classes stand in one column; give a list only with data.task=regression")
    if data.get("ranges") is not None:
        _ranges(data["ranges"])


def _split(data: Config) -> None:
    """Of our own data sets it is known whether they have an official split, or groups."""
    kind = data["_target_"]
    if not kind.startswith("mlplab."):
        return
    if data["split"] == "official" and kind not in HAS_OFFICIAL_SPLIT and data.get("x_train") is None:
        raise UserError("data.split=official: this dataset has no official split; use random or group")
    if data["split"] == "group" and kind not in HAS_GROUPS and data.get("group") is None:
        remedy = "name a column with data.group" if "group" in data else "use random"
        raise UserError(f"data.split=group: this dataset has no groups; {remedy}")


def _folds(data: Config) -> None:
    folds, fold = data.get("folds"), data.get("fold", 0)
    if folds is None and fold:
        raise UserError(f"data.fold={fold}: is one of data.folds, which is not given; add data.folds=5")
    if folds is not None and fold >= folds:
        raise UserError(f"data.fold={fold}: data.folds={folds} are numbered from 0 to {folds - 1}")
    if folds is not None and data.get("x_train") is not None:
        raise UserError("data.folds: data.x_train names the training rows, so there is nothing to take turns")


def _ranges(ranges: Any) -> None:
    example = "such as {T: [250, 400], P: [1, 10]}"
    if not isinstance(ranges, Mapping) or not ranges:
        raise UserError(f"data.ranges={ranges}: low and high of each argument are needed, {example}")
    for name, limits in ranges.items():
        numbers = isinstance(limits, list) and all(isinstance(limit, int | float) for limit in limits)
        if not numbers or len(limits) != 2 or not limits[0] < limits[1]:
            raise UserError(f"data.ranges: {name}: {limits} is not [low, high] with low below high, {example}")


def _model(config: Config, learner: str) -> None:
    model = config["model"]
    if model.get("hidden_features") == []:
        raise UserError("model.hidden_features=[]: without a hidden layer it is model=linear")
    if model.get("normalisation") == "batch" and config["batch_size"] == 1:
        raise UserError("batch_size=1: batch normalisation needs two rows or more; model.normalisation=layer takes one")
    squashed = model.get("output_activation", "linear")
    if squashed != "linear" and not is_regression(learner):
        raise UserError(f"model.output_activation={squashed}: learner={learner} takes a linear output")
    if squashed in ("sigmoid", "softplus") and config["learner"].get("target_scaling") == "standard":
        raise UserError(
            f"model.output_activation={squashed} cannot reach negative values: learner.target_scaling=minmax"
        )
    activation = model.get("activation", {})
    if "min_val" in activation and not activation["min_val"] < activation["max_val"]:
        low, high = activation["min_val"], activation["max_val"]
        raise UserError(f"activation.min_val={low} is not below activation.max_val={high}")


def _schedule(config: Config) -> None:
    limit = config["trainer"].get("max_time")
    if limit is not None and not (re.fullmatch(r"\d+:\d\d:\d\d:\d\d", str(limit)) and re.search("[1-9]", str(limit))):
        raise UserError(f"trainer.max_time={limit}: must be DD:HH:MM:SS above 0, as 00:00:10:00 for ten minutes")
    optimizer = config["optimizer"]
    cycles = config["scheduler"].get("cycle_momentum") and not optimizer["_target_"].endswith(".SGD")
    if cycles and not {"momentum", "betas"} & set(optimizer):
        chosen = config["choice"]["optimizer"]
        raise UserError(f"scheduler.cycle_momentum=true: optimizer={chosen} has no momentum to cycle")
