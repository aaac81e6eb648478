"""Nested plain dicts: dotted keys, values as they are typed."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf


def flatten(config: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted keys and their values; a list is a value."""
    for key, value in config.items():
        if isinstance(value, Mapping) and value:
            yield from flatten(value, f"{prefix}{key}.")
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


def format_value(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return str({None: "null", True: "true", False: "false"}[value])
    if isinstance(value, list):
        return "[" + ",".join(map(format_value, value)) + "]"
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{key}: {format_value(item)}" for key, item in value.items()) + "}"
    return str(value)


def to_plain(composed: DictConfig) -> dict[str, Any]:
    """Plain containers, interpolations resolved, without Hydra's own part."""
    if "hydra" not in composed:
        whole: Any = OmegaConf.to_container(composed, resolve=True)
        return dict(whole)
    keys = [str(key) for key in composed if key != "hydra"]
    held = {key: "???" if OmegaConf.is_missing(composed, key) else composed[key] for key in keys}
    return {
        key: OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value
        for key, value in held.items()
    }


def portable_config(config: DictConfig) -> dict[str, Any]:
    """Plain containers, which find their files from any folder, and hold nothing of the command that began or resumed
    their sweep."""
    held = to_plain(config)
    if "sweep" in held:
        held["sweep"] |= {"resume": None, "fail_fast": False, "ensemble": False}
    for key in ("path", "root"):
        if isinstance(given := held["data"].get(key), str):
            held["data"][key] = str(Path(given).expanduser().absolute())
    return held
