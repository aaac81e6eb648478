"""The configurations of a sweep's jobs, as Hydra composes each, but for reading the same YAML files again a job."""

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra._internal.config_loader_impl import ConfigLoaderImpl, get_overrides_dirname
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.types import Override
from hydra.core.plugins import Plugins
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf, open_dict, read_write
from omegaconf.errors import OmegaConfBaseException

from mlplab.config.groups import CONF_DIR, choice_keys
from mlplab.config.messages import describe_error
from mlplab.config.overrides import expand_overrides, is_group_override, parse_overrides
from mlplab.config.renamed import rename_values
from mlplab.config.tree import to_plain
from mlplab.config.validate import cast_like_default, check_learner_fits_data, validate
from mlplab.errors import UserError


class JobComposer:
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
        overrides = parse_overrides(words)
        choices = tuple(str(one.input_line) for one in overrides if is_group_override(one))
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
            ConfigLoaderImpl._apply_overrides_to_config(
                [one for one in overrides if not is_group_override(one)], config
            )
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


def folder_name(text: str) -> str:
    """Unsafe characters as `-`, at most 100 characters."""
    return re.sub(r"[^\w.,=+-]", "-", text)[:100]


def configure(*overrides: str) -> DictConfig:
    """The configuration of `python scripts/train.py OVERRIDES`, from Python; checked.

    Raises Mistake for an unknown key or choice, a value out of range, a loss that does not fit.
    """
    with isolated_hydra():
        try:
            config = compose("train", expand_overrides(overrides), return_hydra_config=True)
            return resolve(config)
        except (HydraException, OmegaConfBaseException, ValueError) as error:
            raise UserError(describe_error(error)) from error


def resolve(composed: DictConfig) -> DictConfig:
    """Hydra's composed configuration as ours: checked, interpolations resolved. Composes again to know the defaults."""
    composed = composed.copy()
    HydraConfig.instance().set_config(composed)
    return OmegaConf.create(resolve_plain(composed, composed.hydra.overrides.task))


def resolve_plain(composed: DictConfig, words: Sequence[str]) -> dict[str, Any]:
    """As `resolve`, in plain containers; HydraConfig holds the state with which it was composed from these words."""
    overrides = parse_overrides(words)
    config = rename_values(to_plain(composed), note=True)
    if config.get("ensemble") is not None:
        raise UserError(f"ensemble={config['ensemble']}: is for the command line of a sweep; -m makes one")
    for override in overrides:
        key = override.key_or_group
        if key.partition(".")[0] == "choice":
            raise UserError(f"{override.input_line}: what was chosen is recorded here; choose by {key[7:]}=")
        if key == "data.name":
            raise UserError(f"{override.input_line}: each data set has a choice of its own; choose by data=")
    groups = tuple(str(override.input_line) for override in overrides if is_group_override(override))
    defaults = _defaults(groups) if len(groups) < len(overrides) else config
    validate(config, defaults)
    config = cast_like_default(config, defaults)
    if config["choice"]["experiment"]:
        _foreign(config, {override.key_or_group for override in overrides if override.is_add()})
    if any(group.startswith("learner=") for group in groups) and "task" not in config["data"]:
        rest = [group for group in groups if not group.startswith(("learner=", "loss="))]
        check_learner_fits_data(config, compose("train", rest, return_hydra_config=True).hydra.runtime.choices.learner)
    return config


@lru_cache(maxsize=256)  # the jobs of a sweep share a few
def _defaults(groups: tuple[str, ...]) -> dict[str, Any]:
    return to_plain(compose("train", list(groups), return_hydra_config=True))


def _foreign(config: dict[str, Any], added: set[str]) -> None:
    """An experiment may set keys that another choice of a group, given beside it, has not."""
    for group in ("data", "model", "learner", "loss", "optimizer", "scheduler", "activation"):
        chosen = config["choice"][group]
        path = Path(CONF_DIR, group, f"{chosen}.yaml")
        for key in set(config[group]) - choice_keys(path) if path.exists() else ():
            if f"{group}.{key}" not in added:
                experiment = config["choice"]["experiment"]
                raise UserError(f"experiment={experiment} sets {group}.{key}, which {group}={chosen} has not")


@contextmanager
def isolated_hydra() -> Iterator[None]:
    """To compose as train does. Hydra holds one state for the whole process, in which a door may be open."""
    config, hydra = HydraConfig.instance().cfg, GlobalHydra.instance().hydra
    GlobalHydra.instance().clear()
    try:
        with initialize_config_dir(CONF_DIR, version_base="1.3", job_name="train"):
            yield
    finally:
        HydraConfig.instance().cfg, GlobalHydra.instance().hydra = config, hydra


def prefer_own_configs() -> None:
    """Hydra would take a plugin's own configuration as the schema of our file, and refuse its keys."""
    Plugins.instance()  # finds the plugins, which register as they are imported
    launchers = ConfigStore.instance().repo["hydra"]["launcher"]
    for path in Path(CONF_DIR, "hydra", "launcher").glob("*.yaml"):
        launchers.pop(path.name, None)
