"""The configurations of a sweep's jobs, as Hydra composes each, but for reading the same YAML files again a job."""

import os
from collections.abc import Sequence
from functools import cached_property
from typing import Any

from hydra._internal.config_loader_impl import ConfigLoaderImpl, get_overrides_dirname
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, open_dict, read_write

from mlplab.words import is_group, parse


class Composer:
    """Jobs that choose the same of each group, and set the same keys, differ in the values of these keys alone."""

    def __init__(self, loader: Any, master: DictConfig) -> None:
        """loader: Hydra's. master: the configuration of the sweep."""
        self.loader = loader
        self.master = master
        self._known: dict[tuple[Any, ...], tuple[DictConfig, Any]] = {}  # with Hydra's state, which tells the choices

    @cached_property
    def sweep(self) -> str:
        """The sweep's folder, which is the same for all jobs; each look at it parses it anew."""
        return str(self.master.hydra.sweep.dir)

    def compose(self, words: Sequence[str]) -> DictConfig:
        """With Hydra's own part, as HydraConfig then holds it. It is that of another job after the next call."""
        overrides = parse(words)
        choices = tuple(str(one.input_line) for one in overrides if is_group(one))
        key = (choices, tuple(one.key_or_group for one in overrides))
        simple = not any(map(_is_more_than_a_value, overrides))
        if not simple or key not in self._known:
            config = self.loader.load_sweep_config(self.master, list(words))
            HydraConfig.instance().set_config(config)
            if simple:
                self._known[key] = config, HydraConfig.instance().cfg
            return config
        config, HydraConfig.instance().cfg = self._known[key]
        with read_write(config.hydra), open_dict(config.hydra):
            ConfigLoaderImpl._apply_overrides_to_config([one for one in overrides if not is_group(one)], config)
            _note(config.hydra, self.master.hydra.overrides.hydra, overrides)
        return config

    def numbered(self, words: Sequence[str], number: int) -> DictConfig:
        """As the basic launcher hands it to the job of that number."""
        config = self.compose(words)
        with read_write(config.hydra), open_dict(config.hydra):
            config.hydra.job.id = config.hydra.job.num = number
            folder = os.path.join(str(config.hydra.sweep.dir), str(config.hydra.sweep.subdir))
            config.hydra.runtime.output_dir = os.path.abspath(folder)
        return config


def _note(hydra: DictConfig, always: Sequence[str], overrides: Sequence[Override]) -> None:
    """What Hydra itself keeps of the words."""
    own = [one for one in overrides if one.is_hydra_override()]
    rest = [one for one in overrides if not one.is_hydra_override()]
    hydra.overrides.hydra = [*always, *(one.input_line for one in own)]
    hydra.overrides.task = [one.input_line for one in rest]
    settings = hydra.job.config.override_dirname
    hydra.job.override_dirname = get_overrides_dirname(
        overrides=rest, **{name: settings[name] for name in ("kv_sep", "item_sep", "exclude_keys")}
    )


def _is_more_than_a_value(override: Override) -> bool:
    """Adds or removes a key, or sets several."""
    return override.is_delete() or override.is_add() or override.is_force_add() or isinstance(override.value(), dict)
