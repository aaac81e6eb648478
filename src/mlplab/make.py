"""The one place where a name in a configuration becomes an object."""

from typing import Any

from hydra.errors import InstantiationException
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from mlplab.allowed import check_targets
from mlplab.explain import NO_MEMORY, plain_reason
from mlplab.mistake import Mistake


def make(config: DictConfig, group: str, **known: Any) -> Any:
    """The object that a group names. Raises Mistake where it may not be made, or its constructor refuses."""
    node = OmegaConf.to_container(config[group], resolve=True)
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
