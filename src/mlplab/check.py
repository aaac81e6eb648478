"""Is the configuration good? Known before anything heavy is imported: this file needs neither torch nor lightning."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from mlplab.limits import CHOICES, LOSSES, RANGES
from mlplab.mistake import Mistake
from mlplab.monitor import METRICS

Config = Mapping[str, Any]


def check(config: Config, defaults: Config) -> None:
    """config: resolved, plain containers. defaults: the same before single keys were overridden.

    Raises Mistake for the first key that is wrong.
    """
    _complete(config)
    for key in defaults:
        if key not in config:
            raise Mistake(f"{key}: this key is needed")
    for key in config:
        if key not in defaults:
            raise Mistake(f"{key}: nothing reads a key of this name")
    for key, value in leaves(config):
        _right_kind(key, value, select(defaults, key))
    for key, allowed in RANGES.items():
        for value in _items(select(config, key)):
            if not allowed.holds(value):
                raise Mistake(f"{key}={_shown(select(config, key))}: must be {allowed}")
    for key, choices in CHOICES.items():
        value = select(config, key, choices[0])
        if value not in choices:
            raise Mistake(f"{key}={_shown(value)}: must be one of {', '.join(map(_shown, choices))}")
    _fits_together(config)


def check_form(config: Config, defaults: Config) -> None:
    """Of a door that makes no run: the keys are its own, and each value has the type of its default."""
    _complete(config)
    for key, value in leaves(config):
        if select(defaults, key, config) is config:
            raise Mistake(f"{key}: nothing reads a key of this name")
        _right_kind(key, value, select(defaults, key))


def fits_data(config: Config, usual: str) -> None:
    """usual: the learner that the dataset picks itself, which tells what its target is."""
    choice = config["choice"]
    if (choice["learner"] == "regressor") != (usual == "regressor"):
        kind = "values" if usual == "regressor" else "classes"
        raise Mistake(f"learner={choice['learner']} does not fit data={choice['data']}, whose target is {kind}")


def leaves(config: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted keys and their values; a list is a value."""
    for key, value in config.items():
        if isinstance(value, Mapping) and value:
            yield from leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def select(config: Any, key: str, default: Any = None) -> Any:
    """The value at a dotted key."""
    for name in key.split("."):
        if not isinstance(config, Mapping) or name not in config:
            return default
        config = config[name]
    return config


def _complete(config: Config) -> None:
    missing = [key for key, value in leaves(config) if value == "???"]
    if missing:
        raise Mistake(f"{missing[0]} is missing: give {' '.join(f'{key}=...' for key in missing)}")


def _right_kind(key: str, value: Any, default: Any) -> None:
    """Each value has the type of its default; an int may stand for a float, a default of null takes any."""
    kind = type(default)
    if value is None and key not in RANGES:
        return
    if default in (None, "???") or (isinstance(value, kind) and not _bool_for_number(value, kind)):
        if isinstance(value, list) and isinstance(default, list) and default:
            for item in value:
                _right_kind(key, item, default[0])
        return
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return
    if kind is str and isinstance(value, int | float) and not isinstance(value, bool):
        return
    needed = {int: "a whole number", float: "a number", bool: "true or false", list: "a list", dict: "keys and values"}
    raise Mistake(f"{key}={_shown(value)}: {needed.get(kind, 'a word')} is needed, such as {_shown(default)}")


def _bool_for_number(value: Any, kind: type) -> bool:
    return isinstance(value, bool) and kind is not bool


def _items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _shown(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return str({None: "null", True: "true", False: "false"}[value])
    if isinstance(value, list):
        return "[" + ",".join(map(_shown, value)) + "]"
    return str(value)


def _fits_together(config: Config) -> None:
    choice = config["choice"]
    for group, chosen in choice.items():
        if not isinstance(chosen, str) and group != "experiment":
            raise Mistake(f"{group}: choose one; only callback takes a list")
    if "_target_" not in config["data"]:
        raise Mistake(f"data={choice['data']} is what datasets share, not a dataset; see --help for the choices")
    learner, loss = choice["learner"], choice["loss"]
    if loss not in LOSSES[learner]:
        raise Mistake(f"loss={loss} does not fit learner={learner}: choose {', '.join(LOSSES[learner])}")
    scores = [f"{metric}/{split}" for metric in ("loss", *METRICS[learner]) for split in ("val", "train")]
    task = select(config, "data.task")
    if task is not None and (task == "values") != (learner == "regressor"):
        raise Mistake(f"data.task={task} does not fit learner={learner}")
    if config["monitor"] not in scores:
        raise Mistake(f"monitor={config['monitor']}: there is no such score; choose {', '.join(scores)}")
    limit = select(config, "trainer.max_time")
    if limit is not None and not re.fullmatch(r"\d+:\d\d:\d\d:\d\d", str(limit)):
        raise Mistake(f"trainer.max_time={limit}: must be DD:HH:MM:SS, as 00:00:10:00 for ten minutes")
    if select(config, "model.hidden_features") == []:
        raise Mistake("model.hidden_features=[]: without a hidden layer it is model=linear")
    if select(config, "model.normalisation") == "batch" and config["batch_size"] == 1:
        raise Mistake("batch_size=1: batch normalisation needs two rows or more; model.normalisation=layer takes one")
    if learner != "regressor" and select(config, "data.label_noise", 0) > 1:
        raise Mistake(f"data.label_noise={config['data']['label_noise']}: a share of the labels is at most 1")
    squashed = select(config, "model.output_activation", "linear")
    if squashed != "linear" and learner != "regressor":
        raise Mistake(f"model.output_activation={squashed}: learner={learner} takes a linear output")
    if squashed in ("sigmoid", "softplus") and select(config, "learner.target_scaling") == "standard":
        raise Mistake(f"model.output_activation={squashed} cannot reach negative values: learner.target_scaling=minmax")
