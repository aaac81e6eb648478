"""Nested plain dicts: dotted keys, and values as they are typed."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf


def flatten(nested: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Returns dotted keys and their values; a list, or an empty dict, is a value."""
    for key, value in nested.items():
        if isinstance(value, Mapping) and value:
            yield from flatten(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def select(nested: Any, key: str, default: Any = None) -> Any:
    """Returns the value at a dotted key; `default` where there is none."""
    for name in key.split("."):
        if not isinstance(nested, Mapping):
            return default
        values = [value for own, value in nested.items() if str(own) == name]  # a key may be a number
        if not values:
            return default
        nested = values[0]
    return nested


def with_defaults(nested: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Adds the keys of `defaults`, nested ones too, that are missing; they come first."""
    filled = {**defaults, **nested}
    for key, value in defaults.items():
        if isinstance(value, Mapping) and isinstance(filled[key], Mapping):
            filled[key] = with_defaults(filled[key], value)
    return filled


def format_value(value: Any) -> str:
    """Returns a value as the command line takes it."""
    if value is None or isinstance(value, bool):
        return str({None: "null", True: "true", False: "false"}[value])
    if isinstance(value, list):
        return "[" + ",".join(map(format_value, value)) + "]"
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{key}: {format_value(item)}" for key, item in value.items()) + "}"
    return str(value)


def to_plain(composed: DictConfig) -> dict[str, Any]:
    """Returns plain containers with interpolations resolved, without the group `hydra`; a missing value is `???`."""
    if "hydra" not in composed:
        container: Any = OmegaConf.to_container(composed, resolve=True)
        return dict(container)
    keys = [str(key) for key in composed if key != "hydra"]
    values = {key: "???" if OmegaConf.is_missing(composed, key) else composed[key] for key in keys}
    return {
        key: OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value
        for key, value in values.items()
    }


def portable_config(composed: DictConfig) -> dict[str, Any]:
    """Resolves as `to_plain` does, with absolute paths, and without the options of the command that started or resumed
    a sweep."""
    plain = to_plain(composed)
    if "sweep" in plain:
        plain["sweep"] |= {"resume": None, "fail_fast": False, "ensemble": False}
    for key in ("path", "root"):
        if isinstance(path := plain["data"].get(key), str):
            plain["data"][key] = str(Path(path).expanduser().absolute())
    return plain
