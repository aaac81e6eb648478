"""The one place where a name in a configuration becomes an object."""

import importlib
import inspect
import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import lru_cache, partial
from typing import Any

from hydra.errors import InstantiationException
from hydra.utils import instantiate
from lightning import Callback, Trainer
from omegaconf import DictConfig, OmegaConf
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler
from torchmetrics import Metric

from mlplab.config.messages import OUT_OF_MEMORY, library_message
from mlplab.config.validate import INSTANTIATE_KEYS, is_allowed_name, not_allowed_message
from mlplab.data.dataset import Dataset
from mlplab.data.function import import_from_working_directory
from mlplab.errors import UserError
from mlplab.learner.learner import Learner
from mlplab.model.network import Network

# Defence in depth, not a sandbox: a class that passes is called with arguments of the configuration's choosing.


CACHED_GROUPS = ("model", "learner", "loss", "optimizer", "scheduler")  # by the members of a sweep


def instantiate_group(config: DictConfig, group: str, expected: type | None = None, /, **known: Any) -> Any:
    """The object that a group names. expected: its class, for a group that is none of a run's. Raises Mistake where it
    may not be made, or its constructor refuses."""
    node: Any = OmegaConf.to_container(config[group], resolve=True)
    if not node:  # no scheduler, no callbacks
        return {}
    if group in CACHED_GROUPS and (made := _made(group, node, tuple(config.allow), known)) is not None:
        return made
    check_targets(node, group, list(config.allow), expected)
    try:
        return instantiate(node, _convert_="all", **known)
    except InstantiationException as error:
        cause = error.__cause__
        if isinstance(cause, UserError):
            raise cause from error
        if cause is None or isinstance(cause, MemoryError) or OUT_OF_MEMORY.search(str(cause)):
            raise
        chosen = f"{group}={config.choice[group]}" if group in config.choice else group
        raise UserError(f"{chosen}: {library_message(cause)}") from error


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


ALLOWED_CLASSES: tuple[type, ...] = (nn.Module, Optimizer, LRScheduler, Callback, Trainer, Metric, Dataset)
CLASS_OF_GROUP: dict[str, type] = {
    "data": Dataset,
    "model": Network,
    "learner": Learner,
    "loss": nn.Module,
    "activation": nn.Module,
    "optimizer": Optimizer,
    "scheduler": LRScheduler,
    "trainer": Trainer,
    "callback": Callback,  # each of several
}


def check_targets(node: Any, group: str, allow: list[str], expected: type | None = None) -> None:
    """node: plain containers, resolved. Raises Mistake for what may not be made, before anything of it is made."""
    classes: dict[str, tuple[type, Mapping[str, Any]]] = {}
    for key, settings in _nodes(node, group):
        for name, value in settings.items():
            if name in INSTANTIATE_KEYS:
                raise UserError(f"{key}.{name}: cannot be set: an option of hydra.utils.instantiate, not of the object")
            if isinstance(value, str) and "${" in value:
                raise UserError(f"{key}.{name}={value}: is resolved only later; write what it stands for")
        if "_target_" in settings:
            classes[key] = _class(f"{key}._target_", settings["_target_"], allow), settings
    function = node.get("function") if group == "data" else None
    if function is not None and not is_allowed_name(str(function), ["mlplab.data.function", *allow], packages=()):
        raise UserError(not_allowed_message("data.function", str(function)))
    for key, (made, settings) in classes.items():
        whole = key == group or (group == "callback" and key.count(".") == 1)
        own = (expected or CLASS_OF_GROUP[group]) if whole else ALLOWED_CLASSES
        _of_a_kind(f"{key}._target_", made, own)
        _takes(key, made, settings)


def _nodes(node: Any, key: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every mapping of a configuration, also those in lists."""
    if isinstance(node, Mapping):
        yield key, node
        for name, value in node.items():
            yield from _nodes(value, f"{key}.{name}")
    elif isinstance(node, list):
        yield key, {str(place): item for place, item in enumerate(node) if isinstance(item, str)}
        for place, item in enumerate(node):
            yield from _nodes(item, f"{key}[{place}]")


def _class(key: str, target: Any, allow: list[str]) -> type:
    """Nothing of a package that is not allowed is imported."""
    if not isinstance(target, str) or not is_allowed_name(target, allow):
        raise UserError(not_allowed_message(key, str(target)))
    found = _found(target)
    if found is None:
        raise UserError(f"{key}={target}: there is no such class")
    if not isinstance(found, type):
        raise UserError(f"{key}={target}: is not a class")
    if not is_allowed_name(found.__module__, allow):
        raise UserError(f"{not_allowed_message(key, target)} (it comes from {found.__module__})")
    return found


def _found(target: str) -> Any:
    """What a dotted name stands for: the longest module, then attributes."""
    parts = target.split(".")
    for count in range(len(parts) - 1, 0, -1):
        try:
            with import_from_working_directory():
                found: Any = importlib.import_module(".".join(parts[:count]))
        except ModuleNotFoundError:
            continue
        except Exception as error:  # the user's own module may raise anything
            raise UserError(f"{target}: cannot be imported ({type(error).__name__}: {error})") from error
        for name in parts[count:]:
            found = getattr(found, name, None)
        return found
    return None


def _of_a_kind(key: str, made: type, kinds: type | tuple[type, ...]) -> None:
    if not issubclass(made, kinds):
        names = " or ".join(kind.__name__ for kind in (kinds if isinstance(kinds, tuple) else (kinds,)))
        raise UserError(f"{key}={made.__module__}.{made.__qualname__}: is no {names}")


def _takes(key: str, made: type, settings: Mapping[str, Any]) -> None:
    known = _arguments(made)
    for name in settings:
        if known is not None and name not in known and not name.startswith("_"):
            takes = ", ".join(sorted(known)) or "none"
            raise UserError(f"{key}.{name}: {made.__name__} takes no such argument; it takes {takes}")


def _arguments(made: type) -> set[str] | None:
    """What a constructor takes by name, through `**rest` to those that it inherits; None where nobody can tell."""
    known: set[str] = set()
    for ancestor in made.__mro__:
        if "__init__" not in vars(ancestor):
            continue
        takes = inspect.signature(vars(ancestor)["__init__"]).parameters
        named = [name for name, one in takes.items() if one.kind not in (one.VAR_KEYWORD, one.VAR_POSITIONAL)]
        known |= set(named[1:])
        if all(one.kind != one.VAR_KEYWORD for one in takes.values()):
            return known
    return None
