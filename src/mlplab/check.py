"""Is the configuration good? Known before anything heavy is imported: this file needs neither torch nor lightning."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mlplab.errors import Mistake
from mlplab.fitting import fits_together, is_its_choice
from mlplab.limits import CHOICES, LENGTHS, ONE_OR_A_LIST, OPTIONAL, PACKAGES, RANGES, TAKEN

Config = Mapping[str, Any]
MISSING = object()
NEEDED = {int: "a whole number", float: "a number", bool: "true or false", list: "a list", dict: "a mapping"}
SMALLEST = 1e-38
SPECIAL = ("_args_", "_recursive_", "_convert_")


def check(config: Config, defaults: Config) -> None:
    """config: resolved, plain containers. defaults: the same before single keys were overridden.

    Raises Mistake for the first key that is wrong.
    """
    _complete(config)
    for key in config:
        if key not in defaults:
            raise Mistake(f"{key}: nothing reads a key of this name")
    for key, default in leaves(defaults):
        value = select(config, key, MISSING)
        if value is MISSING:
            raise _gone(config, key)
        _right_kind(key, value, default)
    _allowed(config)
    for key, value in leaves(config):
        _finite(key, value)
    _targets(config, defaults)
    is_its_choice(config, defaults)
    fits_together(config)


def as_default(value: Any, default: Any) -> Any:
    """The same, with a float for an int where the default has floats: torch takes no betas of both kinds."""
    if isinstance(value, Mapping) and isinstance(default, Mapping):
        return {key: as_default(item, default.get(key)) for key, item in value.items()}
    if isinstance(value, list) and isinstance(default, list) and default:
        return [as_default(item, default[0]) for item in value]
    return float(value) if isinstance(default, float) and type(value) is int else value


def check_form(config: Config, defaults: Config) -> None:
    """Of a door that makes no run: the keys are its own, and each value has the type of its default."""
    _complete(config)
    for key, value in leaves(config):
        if select(defaults, key, config) is config:
            raise Mistake(f"{key}: nothing reads a key of this name")
        _right_kind(key, value, select(defaults, key))
    _allowed(config)


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
        if not isinstance(config, Mapping):
            return default
        values = [value for own, value in config.items() if str(own) == name]  # a key may be a number
        if not values:
            return default
        config = values[0]
    return config


def allowed_name(name: str, allow: Sequence[str], packages: Sequence[str] = PACKAGES) -> bool:
    """Whether a dotted name lies in a package that may be used, or in a module that `allow` names."""
    return any(f"{name}.".startswith(f"{module}.") for module in (*packages, *allow))


def shown(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return str({None: "null", True: "true", False: "false"}[value])
    if isinstance(value, list):
        return "[" + ",".join(map(shown, value)) + "]"
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{key}: {shown(item)}" for key, item in value.items()) + "}"
    return str(value)


def _complete(config: Config) -> None:
    missing = [key for key, value in leaves(config) if value == "???"]
    if missing:
        raise Mistake(f"{missing[0]} is missing: give {' '.join(f'{key}=...' for key in missing)}")


def _gone(config: Config, key: str) -> Mistake:
    """A key that was deleted, or lies below one that is a plain value now."""
    above = key.rpartition(".")[0]
    while above:
        value = select(config, above, MISSING)
        if value is not MISSING:
            if isinstance(value, Mapping):
                break
            return Mistake(f"{above}={shown(value)}: keys and values are needed; set them one by one, as {key}=...")
        key, above = above, above.rpartition(".")[0]
    return Mistake(f"{key}: this key is needed")


def _right_kind(key: str, value: Any, default: Any) -> None:
    """Each value has the type of its default; an int may stand for a float, a default of null takes any."""
    if key in LENGTHS and value is not None:
        _right_length(key, value)
    elif isinstance(value, list) and not isinstance(default, list) and (default is not None or key in RANGES):
        raise Mistake(f"{key}={shown(value)}: one value is needed, not a list")
    if value is None and (default is None or key in OPTIONAL):
        return
    if isinstance(value, list) and isinstance(default, list):
        good = not default or all(_is_kind(item, default[0]) for item in value)
        kind = type(default[0]) if default else list
    else:
        good, kind = value is not None and _is_kind(value, default), type(default)
    if not good:
        example = "" if default == "???" else f", such as {shown(default)}"
        raise Mistake(f"{key}={shown(value)}: {NEEDED.get(kind, 'a word')} is needed{example}")


def _is_kind(value: Any, default: Any) -> bool:
    if default in (None, "???"):
        return True
    kinds: Any = {float: int | float, str: str | int | float}.get(type(default), type(default))
    return isinstance(value, kinds) and isinstance(value, bool) == isinstance(default, bool)


def _right_length(key: str, value: Any) -> None:
    if not isinstance(value, list):
        if key in ONE_OR_A_LIST:
            return
        raise Mistake(f"{key}={shown(value)}: a list is needed, such as [{shown(value)}]")
    allowed = LENGTHS[key]
    if not allowed.holds(len(value)):
        count = allowed.low if allowed.low == allowed.high else f"at least {allowed.low}"
        raise Mistake(f"{key}={shown(value)}: a list of {count} is needed, not of {len(value)}")


def _allowed(config: Config) -> None:
    for key, allowed in RANGES.items():
        value = select(config, key)
        for item in _items(key, value):
            if not allowed.holds(item):
                raise Mistake(f"{key}={shown(value)}: must be {allowed}")
    for key, choices in CHOICES.items():
        value = select(config, key, choices[0])
        if not any(value == choice and type(value) is type(choice) for choice in choices):  # True == 1
            raise Mistake(f"{key}={shown(value)}: must be one of {', '.join(map(shown, choices))}")


def _items(key: str, value: Any) -> list[Any]:
    if isinstance(value, Mapping) and key == "callback.gradient_accumulation.scheduling":
        return list(value.values())
    return value if isinstance(value, list) else [] if value is None else [value]


def _finite(key: str, value: Any) -> None:
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, int | float) and not abs(item) <= sys.float_info.max:  # false for NaN
            raise Mistake(f"{key}={shown(value)}: must be a finite number")
        if isinstance(item, float) and 0 < abs(item) < SMALLEST:
            raise Mistake(f"{key}={shown(value)}: too small, float32 ends at {SMALLEST:g}")


def _targets(config: Config, defaults: Config) -> None:
    """What is made of a configuration comes from a known package: a first look, by name; allowed.py looks again."""
    allow = config.get("allow", [])
    for key, value in leaves(config):
        last = key.rpartition(".")[2]
        usual = select(defaults, key.removesuffix(last) + "_target_") is not None
        if last in SPECIAL or (last == "_partial_" and usual and value != select(defaults, key)):
            raise Mistake(f"{key}: not a setting; it belongs to how objects are made")
        if last == "_target_" and not (isinstance(value, str) and allowed_name(value, allow)):
            raise Mistake(not_allowed(key, shown(value)))
        if key == "data.function" and not allowed_name(str(value), ["mlplab.data.function", *allow], packages=()):
            raise Mistake(not_allowed(key, str(value)))
    for key in set(config["trainer"]) & TAKEN:
        raise Mistake(f"trainer.{key}: the lab sets it itself")
    for group in ("scheduler", "callback"):
        for key, value in config[group].items():
            made = isinstance(value, Mapping) and "_target_" in value
            if not made and (group == "callback" or "_target_" not in config[group]):
                raise Mistake(f"{group}.{key}: what is chosen has no such key; see --help for the choices of {group}=")


def not_allowed(key: str, name: str) -> str:
    module = name.rpartition(".")[0] or name
    known = "of mlplab" if key == "data.function" else f"of {', '.join(PACKAGES)}"
    return f"{key}={name}: is not {known}; for code that you trust add allow=[{module}]"
