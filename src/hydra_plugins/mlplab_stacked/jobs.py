"""The configurations of a sweep's jobs, as Hydra composes each, but for reading the same YAML files again a job."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra._internal.config_loader_impl import ConfigLoaderImpl, get_overrides_dirname
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.types import Override
from hydra.types import HydraContext
from omegaconf import DictConfig, OmegaConf, open_dict, read_write

from mlplab.configuration import plain
from mlplab.grid import number_of
from mlplab.words import is_group, parse


@dataclass
class Job:
    """plain, config: resolved, without Hydra's own part."""

    number: int
    overrides: list[str]
    plain: dict[str, Any]
    config: DictConfig
    swept: str

    @property
    def run(self) -> Path:
        return Path(self.plain["run_dir"])

    @property
    def place(self) -> str:
        """Its number in the sweep, of which the jobs that are launched may be a part."""
        return number_of(self.run.name)

    @property
    def label(self) -> str:
        return f"#{self.place} {self.swept}"


class Jobs:
    """Jobs that choose the same of each group, and set the same keys, differ in the values of these keys alone."""

    def __init__(self, context: HydraContext, master: DictConfig) -> None:
        self.loader = context.config_loader
        self.master = master
        self._known: dict[tuple[Any, ...], tuple[DictConfig, Any]] = {}  # with Hydra's state, which tells the choices

    def composed(self, jobs: Sequence[Sequence[str]], first: int) -> list[Job]:
        return [self._job(list(words), first + place) for place, words in enumerate(jobs)]

    def whole(self, words: list[str], number: int) -> DictConfig:
        """With Hydra's own part. It is that of another job after the next call."""
        config = self._composed(words)
        with read_write(config.hydra), open_dict(config.hydra):
            config.hydra.job.id = config.hydra.job.num = number
            folder = os.path.join(str(config.hydra.sweep.dir), str(config.hydra.sweep.subdir))
            config.hydra.runtime.output_dir = os.path.abspath(folder)
        return config

    def _job(self, words: list[str], number: int) -> Job:
        config = self.whole(words, number)
        hydra = config.hydra
        held = plain(config)
        held["run_dir"] = os.path.relpath(hydra.runtime.output_dir)
        return Job(number, words, held, OmegaConf.create(held), hydra.job.override_dirname)

    def _composed(self, words: list[str]) -> DictConfig:
        overrides = parse(words)
        choices = tuple(str(one.input_line) for one in overrides if is_group(one))
        key = (choices, tuple(one.key_or_group for one in overrides))
        simple = not any(map(_is_more_than_a_value, overrides))
        if not simple or key not in self._known:
            config = self.loader.load_sweep_config(self.master, words)
            HydraConfig.instance().set_config(config)
            if simple:
                self._known[key] = config, HydraConfig.instance().cfg
            return config
        config, HydraConfig.instance().cfg = self._known[key]
        values = [one for one in overrides if not is_group(one)]
        with read_write(config.hydra), open_dict(config.hydra):
            ConfigLoaderImpl._apply_overrides_to_config(values, config)
            config.hydra.overrides.task = words
            config.hydra.job.override_dirname = get_overrides_dirname(
                overrides=overrides, **_dirname(config.hydra.job.config.override_dirname)
            )
        return config


def _is_more_than_a_value(override: Override) -> bool:
    """Adds or removes a key, or is of Hydra's own."""
    value = override.value()
    changed = override.is_delete() or override.is_add() or override.is_force_add()
    return changed or isinstance(value, dict) or override.is_hydra_override()


def _dirname(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {name: settings[name] for name in ("kv_sep", "item_sep", "exclude_keys")}
