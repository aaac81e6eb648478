"""Instantiates what a group of the configuration names, and only classes that a configuration may name.

Defence in depth, not a sandbox: a class that passes is called with arguments of the configuration's choosing.
"""

import importlib
import inspect
import json
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache, partial
from typing import Any

from hydra.errors import HydraException, InstantiationException
from hydra.utils import instantiate
from lightning import Callback, Trainer
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler
from torchmetrics import Metric

from mlplab.config.messages import OUT_OF_MEMORY, library_message
from mlplab.config.validate import (
    INSTANTIATE_KEYS,
    instantiate_option_message,
    is_allowed_name,
    not_allowed_message,
    unresolved_message,
)
from mlplab.data.dataset import Dataset
from mlplab.data.function import import_from_working_directory
from mlplab.errors import UserError
from mlplab.learner.learner import Learner
from mlplab.model.network import Network

CACHED_GROUPS = ("model", "learner", "loss", "optimizer", "scheduler")  # each run of a sweep instantiates them again
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


def instantiate_group(config: DictConfig, group: str, expected: type | None = None, /, **arguments: Any) -> Any:
    """Instantiates a group of the configuration; an empty one (no scheduler, no callbacks) gives {}.

    expected: the base class of a group that is not in CLASS_OF_GROUP. arguments: added to those of the configuration.
    Raises UserError where the class is not allowed, or its constructor refuses the arguments.
    """
    node: Any = OmegaConf.to_container(config[group], resolve=True)
    if not node:
        return {}
    allow = tuple(config.allow)
    constructor = _cached_constructor(group, node, allow) if group in CACHED_GROUPS else None
    if constructor is None:
        check_targets(node, group, list(allow), expected)
        constructor = partial(instantiate, node, _convert_="all")
    elif node.get("_partial_"):
        return partial(constructor, **arguments)
    try:
        return constructor(**arguments)
    except Exception as error:  # a class of a library, or of the user's own module, may raise anything
        reported = _reported(error, f"{group}={config.choice[group]}" if group in config.choice else group)
        if reported is error:
            raise
        raise reported from error


def _reported(error: Exception, chosen: str) -> Exception:
    """Returns what a constructor raised, as a UserError that names the choice; errors that need no name as they are."""
    cause = error.__cause__ if isinstance(error, InstantiationException) else error
    if not isinstance(cause, Exception):
        return error
    own = isinstance(cause, UserError | MemoryError | HydraException | OmegaConfBaseException)
    return cause if own or OUT_OF_MEMORY.search(str(cause)) else UserError(f"{chosen}: {library_message(cause)}")


def _cached_constructor(group: str, node: dict[str, Any], allow: tuple[str, ...]) -> Callable[..., Any] | None:
    """Returns the constructor that a node names, with its arguments: in a tenth of the time that Hydra takes. None
    where arguments are objects themselves, which must not be shared."""
    numbers = {key: value for key, value in node.items() if type(value) in (int, float)}
    constructor = _constructor(group, json.dumps(node | dict.fromkeys(numbers, 0)), allow)
    return None if constructor is None else partial(constructor, **numbers)


@lru_cache(maxsize=1024)
def _constructor(group: str, form: str, allow: tuple[str, ...]) -> Callable[..., Any] | None:
    """form: the node as JSON, its numbers replaced by 0."""
    node = json.loads(form)
    check_targets(node, group, list(allow))
    if "_target_" not in node or any(map(_is_object, node.values())):
        return None
    checking = instantiate({**node, "_partial_": True}, _convert_="all")
    return partial(checking.func, *checking.args, **checking.keywords)  # Hydra's own checks the class at each call


def _is_object(value: Any) -> bool:
    if isinstance(value, list):
        return any(map(_is_object, value))
    return isinstance(value, dict) and ("_partial_" not in value or any(map(_is_object, value.values())))


def check_targets(node: Any, group: str, allow: list[str], expected: type | None = None) -> None:
    """Raises UserError for what a configuration may not name, before anything is instantiated.

    node: plain containers, resolved.
    """
    classes: dict[str, tuple[type, Mapping[str, Any]]] = {}
    for key, arguments in _nodes(node, group):
        for name, value in arguments.items():
            if name in INSTANTIATE_KEYS:
                raise UserError(instantiate_option_message(f"{key}.{name}"))
            if isinstance(value, str) and "${" in value:
                raise UserError(unresolved_message(f"{key}.{name}", value))
        if "_target_" in arguments:
            classes[key] = _class(f"{key}._target_", arguments["_target_"], allow), arguments
    function = node.get("function") if group == "data" else None
    if function is not None and not is_allowed_name(str(function), ["mlplab.data.function", *allow], packages=()):
        raise UserError(not_allowed_message("data.function", str(function)))
    for key, (named, arguments) in classes.items():
        is_group = key == group or (group == "callback" and key.count(".") == 1)
        bases = (expected or CLASS_OF_GROUP[group]) if is_group else ALLOWED_CLASSES
        _check_base(f"{key}._target_", named, bases)
        _check_arguments(key, named, arguments)


def _nodes(node: Any, key: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Returns every mapping of a configuration, also those in lists, with its dotted key."""
    if isinstance(node, Mapping):
        yield key, node
        for name, value in node.items():
            yield from _nodes(value, f"{key}.{name}")
    elif isinstance(node, list):
        yield key, {str(index): item for index, item in enumerate(node) if isinstance(item, str)}
        for index, item in enumerate(node):
            yield from _nodes(item, f"{key}[{index}]")


def _class(key: str, target: Any, allow: list[str]) -> type:
    """Returns the class that a `_target_` names. Imports nothing of a package that is not allowed."""
    if not isinstance(target, str) or not is_allowed_name(target, allow):
        raise UserError(not_allowed_message(key, str(target)))
    found = _import(target)
    if found is None:
        raise UserError(f"{key}={target}: there is no such class")
    if not isinstance(found, type):
        raise UserError(f"{key}={target}: is not a class")
    if not is_allowed_name(found.__module__, allow):
        raise UserError(f"{not_allowed_message(key, target)} (it comes from {found.__module__})")
    return found


def _import(target: str) -> Any:
    """Returns the object with a dotted name: imports the longest module, then gets attributes; None where there is
    none."""
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


def _check_base(key: str, named: type, bases: type | tuple[type, ...]) -> None:
    if not issubclass(named, bases):
        names = " or ".join(base.__name__ for base in (bases if isinstance(bases, tuple) else (bases,)))
        raise UserError(f"{key}={named.__module__}.{named.__qualname__}: is no {names}")


def _check_arguments(key: str, named: type, arguments: Mapping[str, Any]) -> None:
    known = _parameters(named)
    for name in arguments:
        if known is not None and name not in known and not name.startswith("_"):
            takes = ", ".join(sorted(known)) or "none"
            raise UserError(f"{key}.{name}: {named.__name__} takes no such argument; it takes {takes}")


def _parameters(named: type) -> set[str] | None:
    """Returns names of a constructor's parameters, through `**kwargs` those of the base classes too; None if
    unknown."""
    known: set[str] = set()
    for ancestor in named.__mro__:
        if "__init__" not in vars(ancestor):
            continue
        parameters = inspect.signature(vars(ancestor)["__init__"]).parameters
        names = [name for name, one in parameters.items() if one.kind not in (one.VAR_KEYWORD, one.VAR_POSITIONAL)]
        known |= set(names[1:])
        if all(one.kind != one.VAR_KEYWORD for one in parameters.values()):
            return known
    return None
