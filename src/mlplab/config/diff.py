"""How a run differs from the defaults of its dataset; the command that reproduces it."""

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from omegaconf import OmegaConf

from mlplab.config.compose import compose_plain
from mlplab.config.groups import choices
from mlplab.config.tree import format_value, portable_config

NOT_COMPARED = ("run_dir", "sweep", "choice", "debug")
MISSING = object()
Difference = tuple[str, Any, Any]  # key, value, default
Plain = Mapping[str, Any]


def differences(run: Plain) -> list[Difference]:
    """Returns choices that differ from those of `train.py data=...`, then keys that differ from the defaults of their
    choices.

    run: the configuration of a run, from `portable_config`.
    """
    overrides = [f"data={run['choice']['data']}"]
    chosen = _changed_choices(run, _defaults(overrides))
    defaults = _defaults([*overrides, *_as_overrides(chosen)])
    return [*chosen, *_changed_keys(run, defaults)]


def reproducing_command(run: Plain) -> str:
    """Returns the command that trains a run again. An experiment is named, followed by what differs from it."""
    choice = run["choice"]
    overrides = [f"experiment={choice['experiment']}"] if choice["experiment"] else []
    if choice["data"] != _defaults(overrides)["choice"]["data"]:
        overrides.append(f"data={choice['data']}")
    overrides += _as_overrides(_changed_choices(run, _defaults(overrides)))
    for key, value, default in _changed_keys(run, _defaults(overrides)):
        overrides.append(f"{'+' if default is MISSING else ''}{key}={_quote_value(value)}")
    return shlex.join(["python", "scripts/train.py", *overrides])


def _changed_choices(run: Plain, defaults: Plain) -> list[Difference]:
    found = [
        (group, chosen, defaults["choice"][group])
        for group, chosen in run["choice"].items()
        if group != "data" and chosen != defaults["choice"][group]
    ]
    callbacks, default_callbacks = _callbacks(run), _callbacks(defaults)
    if callbacks != default_callbacks:
        found.append(("callback", callbacks, default_callbacks))
    if run["report"] != defaults["report"]:
        same = [name for name in choices("report") if _defaults([f"report={name}"])["report"] == run["report"]]
        found += [("report", name, "default") for name in same]
    return found


def _as_overrides(chosen: Sequence[Difference]) -> list[str]:
    return [f"{group}={format_value(choice)}" for group, choice, _ in chosen if group != "experiment"]


def _callbacks(run: Plain) -> list[str]:
    """Each choice of the group adds one key of its own name."""
    return [name for name in run["callback"] if name in choices("callback")] or ["none"]


def _changed_keys(run: Plain, defaults: Plain, prefix: str = "") -> Iterator[Difference]:
    for key, value in run.items():
        default = defaults.get(key, MISSING)
        if not prefix and key in NOT_COMPARED:
            continue
        if isinstance(value, Mapping) and isinstance(default, Mapping):
            yield from _changed_keys(value, default, f"{prefix}{key}.")
        elif value != default:
            yield f"{prefix}{key}", value, default


def _defaults(overrides: Sequence[str]) -> dict[str, Any]:
    return portable_config(OmegaConf.create(compose_plain(tuple(overrides))))


def _quote_value(value: Any) -> str:
    """Returns a value as Hydra's grammar reads it; a string that it would read as something else is quoted."""
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{_quote_value(str(key))}:{_quote_value(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_quote_value, value)) + "]"
    if isinstance(value, str) and not _reads_as_string(value):
        quoted = re.sub(r"(\\*)'", r"\1\1\\'", value)
        return f"'{quoted}'"
    return format_value(value)


def _reads_as_string(text: str) -> bool:
    other = re.fullmatch(r"(?i)null|true|false|nan|inf|[\d_.]+(e[-+]?\d+)?", text)
    return bool(re.fullmatch(r"[\w./-]+", text)) and not other and text[0] not in ".-"
