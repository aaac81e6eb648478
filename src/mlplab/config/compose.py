"""Hydra composes; every private Hydra call is here, written for Hydra 1.3.8.

tests/config/test_compose.py checks the name and the signature of each, and says what it is used for. Other files use
Hydra's documented interface: `hydra.main`, `compose`, `hydra.plugins`, `hydra.core.hydra_config`, override parser.
"""

import os
import pickle
import re
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, NoReturn

from hydra import compose, initialize_config_dir
from hydra._internal.config_loader_impl import ConfigLoaderImpl, get_overrides_dirname
from hydra._internal.core_plugins.basic_launcher import BasicLauncher
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra._internal.core_plugins.file_config_source import FileConfigSource
from hydra._internal.core_plugins.importlib_resources_config_source import ImportlibResourcesConfigSource
from hydra._internal.core_plugins.structured_config_source import StructuredConfigSource
from hydra._internal.sources_registry import SourcesRegistry
from hydra._internal.utils import get_args_parser
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn
from hydra.plugins.config_source import ConfigResult
from omegaconf import DictConfig, open_dict, read_write

from mlplab.config.groups import CONF_DIR
from mlplab.config.tree import to_plain

__all__ = ["BasicLauncher"]


def parse_flags(arguments: Sequence[str], refuse: Callable[[str], NoReturn]) -> Namespace:
    """Parses Hydra's flags, and `overrides`, in any order. Calls `refuse` with argparse's message for an unknown
    flag."""
    parser = get_args_parser()
    parser.error = refuse  # type: ignore[method-assign, assignment]
    return ArgumentParser.parse_intermixed_args(parser, list(arguments))


def parse_overrides(overrides: Sequence[str]) -> list[Override]:
    hydra = GlobalHydra.instance()
    loader = hydra.config_loader() if hydra.is_initialized() else None  # glob() asks it for the choices of a group
    return OverridesParser.create(config_loader=loader).parse_overrides(list(overrides))


def grid_overrides(overrides: Sequence[Override]) -> list[list[str]]:
    """Returns the overrides of each job of a grid, in the order of Hydra's basic sweeper."""
    jobs: list[list[str]] = BasicSweeper.split_arguments(list(overrides), None)[0]
    return jobs


def is_group_override(override: Override) -> bool:
    return override.key_or_group != "" and (Path(CONF_DIR) / override.key_or_group).is_dir()


def folder_name(text: str) -> str:
    """Returns a name for a folder: unsafe characters become `-`, at most 100 characters."""
    return re.sub(r"[^\w.,=+-]", "-", text)[:100]


def compose_run(overrides: Sequence[str]) -> DictConfig:
    """Composes the configuration of train, with the group `hydra`, as `hydra.compose` does.

    Hydra takes a tenth of a second. What it composed for the same choices is used again, and the values of single keys
    are set in a copy.
    """
    parsed = parse_overrides(overrides)
    if any(_changes_keys(override) or override.is_sweep_override() or override.package for override in parsed):
        return compose("train", list(overrides), return_hydra_config=True)
    chosen = [str(override.input_line) for override in parsed if is_group_override(override)]
    searched = GlobalHydra.instance().config_loader().get_search_path().get_path()
    key = (*chosen, *(f"{place.provider}={place.path}" for place in searched))
    if key not in _composed:
        _composed[key] = pickle.dumps(compose("train", chosen, return_hydra_config=True))
    config: DictConfig = pickle.loads(_composed[key])
    with read_write(config.hydra):
        values = [override for override in parsed if not is_group_override(override)]
        ConfigLoaderImpl._apply_overrides_to_config(values, config)
        config.hydra.runtime.cwd = os.getcwd()
        _record_overrides(config.hydra, [], parsed)
    return config


_composed: dict[tuple[str, ...], bytes] = {}


class JobComposer:
    """The configurations of a sweep's jobs, as Hydra composes each one, without reading the same YAML files for each.

    Jobs that choose the same from each group, and override the same keys, differ in the values of these keys alone.
    """

    def __init__(self, loader: Any, master: DictConfig) -> None:
        """loader: Hydra's config loader. master: the configuration of the sweep."""
        self.loader = loader
        self.master = master
        self._composed: dict[tuple[Any, ...], tuple[DictConfig, Any]] = {}  # with the state of HydraConfig

    @cached_property
    def sweep(self) -> str:
        """The sweep's folder, the same for all jobs; OmegaConf parses it at each access."""
        return str(self.master.hydra.sweep.dir)

    def compose(self, overrides: Sequence[str]) -> DictConfig:
        """Returns a job's configuration, with the group `hydra`; sets HydraConfig. The next call may change it in
        place."""
        parsed = parse_overrides(overrides)
        chosen = tuple(str(override.input_line) for override in parsed if is_group_override(override))
        key = (chosen, tuple(override.key_or_group for override in parsed))
        values_only = not any(map(_changes_keys, parsed))
        if not values_only or key not in self._composed:
            config = self.loader.load_sweep_config(self.master, list(overrides))
            HydraConfig.instance().set_config(config)
            if values_only:
                self._composed[key] = config, HydraConfig.instance().cfg
            return config
        config, HydraConfig.instance().cfg = self._composed[key]
        with read_write(config.hydra), open_dict(config.hydra):
            values = [override for override in parsed if not is_group_override(override)]
            ConfigLoaderImpl._apply_overrides_to_config(values, config)
            _record_overrides(config.hydra, self.master.hydra.overrides.hydra, parsed)
        return config

    def numbered(self, overrides: Sequence[str], number: int) -> DictConfig:
        """Returns the configuration as Hydra's basic launcher passes it to the job of that number."""
        config = self.compose(overrides)
        with read_write(config.hydra), open_dict(config.hydra):
            config.hydra.job.id = config.hydra.job.num = number
            folder = os.path.join(str(config.hydra.sweep.dir), str(config.hydra.sweep.subdir))
            config.hydra.runtime.output_dir = os.path.abspath(folder)
        return config


def _changes_keys(override: Override) -> bool:
    """Returns whether an override adds or removes a key, or sets several, as another folder of YAML files does."""
    if override.key_or_group == "hydra.searchpath":
        return True
    return override.is_delete() or override.is_add() or override.is_force_add() or isinstance(override.value(), dict)


def _record_overrides(hydra: DictConfig, inherited: Sequence[str], overrides: Sequence[Override]) -> None:
    """Writes what Hydra itself records of a job's overrides. inherited: overrides of `hydra` that the sweep has."""
    of_hydra = [override for override in overrides if override.is_hydra_override()]
    of_job = [override for override in overrides if not override.is_hydra_override()]
    hydra.overrides.hydra = [*inherited, *(override.input_line for override in of_hydra)]
    hydra.overrides.task = [override.input_line for override in of_job]
    options = hydra.job.config.override_dirname
    hydra.job.override_dirname = get_overrides_dirname(
        overrides=of_job, **{name: options[name] for name in ("kv_sep", "item_sep", "exclude_keys")}
    )


def job_error(returned: JobReturn) -> Any:
    """Returns the exception of a failed job; the public `return_value` would raise it, and print."""
    return returned._return_value


@contextmanager
def isolated_hydra() -> Iterator[None]:
    """Composes as train does, then restores Hydra's state, which is one for the whole process."""
    config, hydra = HydraConfig.instance().cfg, GlobalHydra.instance().hydra
    GlobalHydra.instance().clear()
    parse_files_once()
    try:
        with initialize_config_dir(CONF_DIR, version_base="1.3", job_name="train"):
            yield
    finally:
        HydraConfig.instance().cfg, GlobalHydra.instance().hydra = config, hydra


@lru_cache(maxsize=1024)
def compose_plain(overrides: tuple[str, ...]) -> dict[str, Any]:
    """Composes the configuration of train, not validated, in plain containers that callers must not change."""
    with isolated_hydra():
        composed = compose_run(overrides)
        HydraConfig.instance().set_config(composed)
        return to_plain(composed)


def prefer_own_configs() -> None:
    """Removes the configurations of launcher plugins where conf/ has one of that name: Hydra would take the plugin's as
    a schema of ours, and refuse our keys."""
    Plugins.instance()  # imports the plugins, which register their configurations
    launchers = ConfigStore.instance().repo["hydra"]["launcher"]
    for path in Path(CONF_DIR, "hydra", "launcher").glob("*.yaml"):
        launchers.pop(path.name, None)


class CachedFileSource(FileConfigSource):
    def load_config(self, config_path: str) -> ConfigResult:
        path = os.path.join(self.path, self._normalize_file_name(config_path))
        written = os.stat(path).st_mtime_ns if os.path.exists(path) else None
        return _parsed_once((self.provider, path, written), lambda: FileConfigSource.load_config(self, config_path))


class CachedPackageSource(ImportlibResourcesConfigSource):
    def load_config(self, config_path: str) -> ConfigResult:
        key = self.provider, self.path, config_path
        return _parsed_once(key, lambda: ImportlibResourcesConfigSource.load_config(self, config_path))


# in the processes of joblib and submitit Hydra registers its sources again, and compares them by name
CachedFileSource.__name__ = FileConfigSource.__name__
CachedPackageSource.__name__ = ImportlibResourcesConfigSource.__name__
_parsed: dict[tuple[Any, ...], bytes] = {}


def _parsed_once(key: tuple[Any, ...], load: Callable[[], ConfigResult]) -> ConfigResult:
    if key not in _parsed:
        _parsed[key] = pickle.dumps(load())
    result: ConfigResult = pickle.loads(_parsed[key])  # a copy: Hydra changes what it loads
    return result


def parse_files_once() -> None:
    """Lets Hydra parse each YAML file once in a process: a run composes several times, and parsing takes half of it."""
    Plugins.instance()  # registers the sources
    types = SourcesRegistry.instance().types
    types["file"], types["pkg"] = CachedFileSource, CachedPackageSource


class SharedStructuredSource(StructuredConfigSource):
    def __deepcopy__(self, _: Any) -> "SharedStructuredSource":
        return self


def share_stored_configs() -> None:
    """Lets Hydra share ConfigStore, which it only reads: its copies, one for each group, take half of the time of
    `--help`. Not for a process that launches jobs: with its store the jobs would get classes of their own."""
    Plugins.instance()  # registers the sources
    SharedStructuredSource.__name__ = StructuredConfigSource.__name__  # Hydra compares them by name
    SourcesRegistry.instance().types["structured"] = SharedStructuredSource
