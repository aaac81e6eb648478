"""What differs between runs, and only that: the keys that set them apart, and those of them that were varied."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from hydra import compose
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from mlplab.config.compose import own_hydra
from mlplab.config.tree import leaves, plain, shown
from mlplab.run.folder import swept
from mlplab.run.record import Run

FOLD = "data.fold"
SEEDS = ("seed", "data.split_seed", FOLD)  # chance, which settings have in common
ALWAYS = "optimizer.lr"  # of all that follows from a choice this alone is shown: it is read first


def columns(runs: Sequence[Run]) -> list[str]:
    """The keys whose values differ, but the seeds, and what follows from a choice that differs."""
    told = [run.words for run in runs]
    keys = [key for key in dict.fromkeys(key for own in told for key in own) if key not in SEEDS]
    differ = [key for key in keys if len({own[key] for own in told if key in own}) > 1]
    return [key for key in differ if key == ALWAYS or not all(map(_follows, told, [key] * len(told)))]


def varied(keys: Sequence[str], runs: Sequence[Run]) -> list[str]:
    """Of these keys those by which a sweep names its jobs, and those that no earlier one decides: in a search each run
    has numbers of its own, so that any of them decides all."""
    told = [run.words for run in runs]
    named = {key for run in runs for key in swept(run.folder)}
    kept: list[str] = []
    for key in keys:
        if key in named or not any(_decides(first, key, told) for first in kept):
            kept.append(key)
    return kept


def name(keys: Sequence[str], own: dict[str, str]) -> str:
    """A setting in words: `adam, lr 0.01`."""
    lasts = [key.rpartition(".")[2] for key in keys]
    said = []
    for key, last in zip(keys, lasts, strict=True):
        value = own.get(key)
        if value is None:
            continue
        if "." in key or key in ("batch_size", "monitor"):
            said.append(f"{last if lasts.count(last) == 1 else key} {value}")
        else:
            said.append(f"no {key}" if value in ("none", "null") else value)
    return ", ".join(said) or "all runs"


def value_of(run: Run, key: str) -> Any:
    """As it is, so that numbers can be put on an axis."""
    return run.settings[key] if key in run.settings else run.words.get(key)


def _decides(first: str, key: str, told: Sequence[dict[str, str]]) -> bool:
    by: dict[str | None, set[str | None]] = {}
    for own in told:
        by.setdefault(own.get(first), set()).add(own.get(key))
    return all(len(values) == 1 for values in by.values())


def _follows(own: dict[str, str], key: str) -> bool:
    """Whether a run has what its choices, or its dataset and experiment, give by themselves."""
    if key not in own:
        return True
    if key in ("data", "experiment", "callback"):
        return False
    groups = [group for group in ("experiment", "data") if own.get(group, "null") != "null"]
    if f"choice.{key}" in _usual(()):
        return _usual(tuple(f"{group}={own[group]}" for group in groups)).get(f"choice.{key}") == own[key]
    chosen = [key.removeprefix("choice.") for key in _usual(()) if key.startswith("choice.")]
    return _usual(tuple(f"{g}={own[g]}" for g in chosen if own.get(g, "null") != "null")).get(key) == own[key]


@lru_cache(maxsize=1024)
def _usual(choices: tuple[str, ...]) -> dict[str, str]:
    """What these choices give; nothing where one of them is unknown today."""
    try:
        with own_hydra():
            composed = compose("train", list(choices), return_hydra_config=True)
            HydraConfig.instance().set_config(composed)
            return {key: shown(value) for key, value in leaves(plain(composed))}
    except (HydraException, OmegaConfBaseException):
        return {}
