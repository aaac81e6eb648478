"""What sets a run apart from the defaults of its dataset, and the command that trains it again."""

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hydra import compose
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from mlplab.config.compose import isolated_hydra
from mlplab.config.groups import choices
from mlplab.config.tree import format_value, portable_config, to_plain

NOT_COMPARED = ("run_dir", "sweep", "choice", "debug")
MISSING = object()
Difference = tuple[str, Any, Any]  # key, value, default


def differences(config: DictConfig) -> list[Difference]:
    """Choices that are not those of `train.py data=...` alone, then keys that are not as their choices have them.

    config: of a run, checked.
    """
    ours = _containers(config)
    words = [f"data={ours['choice']['data']}"]
    usual = _composed(words)
    chosen = _chosen(ours, usual)
    given = {key: value for key, value, _ in chosen if key != "experiment"}
    defaults = _composed([*words, *(f"{key}={format_value(value)}" for key, value in given.items())])
    return [*chosen, *_unlike(ours, defaults)]


def reproducing_command(config: DictConfig) -> str:
    """An experiment is named, with what was changed of it."""
    ours = _containers(config)
    choice = ours["choice"]
    words = [f"experiment={choice['experiment']}"] if choice["experiment"] else []
    if choice["data"] != _composed(words)["choice"]["data"]:
        words.append(f"data={choice['data']}")
    words += [
        f"{key}={format_value(value)}" for key, value, _ in _chosen(ours, _composed(words)) if key != "experiment"
    ]
    for key, value, default in _unlike(ours, _composed(words)):
        words.append(f"{'+' if default is MISSING else ''}{key}={_literal(value)}")
    return shlex.join(["python", "scripts/train.py", *words])


def _chosen(ours: Mapping[str, Any], usual: Mapping[str, Any]) -> list[Difference]:
    found = [
        (group, chosen, usual["choice"][group])
        for group, chosen in ours["choice"].items()
        if group != "data" and chosen != usual["choice"][group]
    ]
    own, default = _callbacks(ours), _callbacks(usual)
    if own != default:
        found.append(("callback", own, default))
    if ours["report"] != usual["report"]:
        same = [name for name in choices("report") if _composed([f"report={name}"])["report"] == ours["report"]]
        found += [("report", name, "default") for name in same]
    return found


def _callbacks(config: Mapping[str, Any]) -> list[str]:
    """Each choice of the group adds one key of its own name."""
    return [name for name in config["callback"] if name in choices("callback")] or ["none"]


def _unlike(ours: Mapping[str, Any], defaults: Mapping[str, Any], prefix: str = "") -> Iterator[Difference]:
    for key, value in ours.items():
        default = defaults.get(key, MISSING)
        if not prefix and key in NOT_COMPARED:
            continue
        if isinstance(value, Mapping) and isinstance(default, Mapping):
            yield from _unlike(value, default, f"{prefix}{key}.")
        elif value != default:
            yield f"{prefix}{key}", value, default


def _composed(words: Sequence[str]) -> dict[str, Any]:
    with isolated_hydra():
        composed = compose("train", list(words), return_hydra_config=True)
        HydraConfig.instance().set_config(composed)
        return _containers(OmegaConf.create(to_plain(composed)))


def _containers(config: DictConfig) -> dict[str, Any]:
    return portable_config(config)


def _literal(value: Any) -> str:
    """A value as Hydra reads it; words that could be read otherwise stand in quotes."""
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{_literal(str(key))}:{_literal(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_literal, value)) + "]"
    if isinstance(value, str) and not _is_plain(value):
        quoted = re.sub(r"(\\*)'", r"\1\1\\'", value)
        return f"'{quoted}'"
    return format_value(value)


def _is_plain(text: str) -> bool:
    reads_as = re.fullmatch(r"(?i)null|true|false|nan|inf|[\d_.]+(e[-+]?\d+)?", text)
    return bool(re.fullmatch(r"[\w./-]+", text)) and not reads_as and text[0] not in ".-"
