"""The one place where a name in a configuration becomes an object."""

import json
from contextlib import suppress
from functools import lru_cache, partial
from typing import Any

from hydra.errors import InstantiationException
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from mlplab.allowed import check_targets
from mlplab.config.messages import NO_MEMORY, plain_reason
from mlplab.errors import Mistake

OFTEN = ("model", "learner", "loss", "optimizer", "scheduler")  # by the members of a sweep


def make(config: DictConfig, group: str, **known: Any) -> Any:
    """The object that a group names. Raises Mistake where it may not be made, or its constructor refuses."""
    node: Any = OmegaConf.to_container(config[group], resolve=True)
    if not node:  # no scheduler, no callbacks
        return {}
    if group in OFTEN and (made := _made(group, node, tuple(config.allow), known)) is not None:
        return made
    check_targets(node, group, list(config.allow))
    try:
        return instantiate(node, _convert_="all", **known)
    except InstantiationException as error:
        cause = error.__cause__
        if isinstance(cause, Mistake):
            raise cause from error
        if cause is None or isinstance(cause, MemoryError) or NO_MEMORY.search(str(cause)):
            raise
        chosen = f"{group}={config.choice[group]}" if group in config.choice else group
        raise Mistake(f"{chosen}: {plain_reason(cause)}") from error


def _made(group: str, node: dict[str, Any], allow: tuple[str, ...], known: dict[str, Any]) -> Any:
    """None where there is no maker, or what it makes fails, which instantiate tells better."""
    numbers = {key: value for key, value in node.items() if type(value) in (int, float)}
    if (maker := _maker(group, json.dumps(node | dict.fromkeys(numbers, 0)), allow)) is None:
        return None
    made = partial(maker.func, *maker.args, **{**maker.keywords, **numbers, **known})
    with suppress(Exception):
        return made if node.get("_partial_") else made()
    return None


@lru_cache(maxsize=1024)
def _maker(group: str, form: str, allow: tuple[str, ...]) -> Any:
    """The constructor that a node names, with its settings but for numbers: a tenth of the time of instantiate. None
    where settings are themselves objects, which may not be shared."""
    held = json.loads(form)
    check_targets(held, group, list(allow))
    if "_target_" not in held or any(map(_is_an_object, held.values())):
        return None
    try:
        return instantiate({**held, "_partial_": True}, _convert_="all")
    except InstantiationException:
        return None


def _is_an_object(value: Any) -> bool:
    if isinstance(value, list):
        return any(map(_is_an_object, value))
    return isinstance(value, dict) and ("_partial_" not in value or any(map(_is_an_object, value.values())))
