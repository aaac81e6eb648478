"""Run folders: which one is meant, and what its config.yaml says. Imports nothing heavy."""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from hydra import compose
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from mlplab import files
from mlplab.config.compose import isolated_hydra
from mlplab.config.groups import CONF_DIR, FORMAT
from mlplab.config.messages import describe_error
from mlplab.config.renamed import rename_values
from mlplab.config.tree import flatten, format_value, portable_config, select, to_plain
from mlplab.config.validate import validate
from mlplab.errors import UserError

DUMPER: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)  # ten times as fast


def read_config(run: Path, allow: Sequence[str] | None = None) -> DictConfig:
    """The configuration that a run was trained with, checked as the command line is; `run_dir` is where it lies now.

    allow: what may stand under its key `allow`; None: anything, for a run of one's own.
    """
    path = run / "config.yaml"
    try:
        with open(path, encoding="utf-8") as file:
            held = yaml.safe_load(file)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read as YAML ({' '.join(str(error).split())})") from error
    if not isinstance(held, dict):
        raise UserError(f"{path}: holds no configuration")
    version = held.pop("format", None)
    config = validate_stored(held, version, str(path), allow)
    config.run_dir = str(run)
    return config


def refuse_ensemble(run: str | Path, config: DictConfig) -> None:
    """Raises Mistake for an ensemble, of which there are weights and scores, but no epochs."""
    if config.ensemble:
        raise UserError(f"run={run}: is an ensemble, which was not trained itself; name one of its members")


def write_config(config: DictConfig, plain: Mapping[str, Any] | None = None) -> None:
    """Write config.yaml into `run_dir`: from then on it is a run, which may be stopped at any moment. plain: as from
    `located`, where it is known."""
    held = {"format": FORMAT, **(plain or portable_config(config))}
    text = yaml.dump(held, Dumper=_Dumper, default_flow_style=False, allow_unicode=True, sort_keys=False)
    files.write(Path(config.run_dir, "config.yaml"), text)


def validate_stored(
    config: dict[str, Any], version: object, where: str, allow: Sequence[str] | None = None
) -> DictConfig:
    """A stored configuration of format `version`: keys that later versions added have their defaults.

    where: the file that messages name. allow: as for `stored`.
    """
    check_format(version, where)
    with _of_file(where):
        config = rename_values(config)
        _plain_values(config)
        defaults = _defaults(config.get("choice"))
        if version != FORMAT:
            config = _filled(config, defaults)
        _no_slip(config, defaults)
        validate(config, defaults)
        if allow is not None and (named := [name for name in config.get("allow", []) if name not in allow]):
            raise UserError(f"needs modules that are not mlplab's: give allow=[{','.join(named)}] if you trust them")
    return OmegaConf.create(config)


def check_format(version: object, where: str) -> None:
    if type(version) is not int or version < 1:
        raise UserError(f"{where}: the key format is {version}, which no version of mlplab has written")
    if version > FORMAT:
        raise UserError(f"{where}: format {version} is of a newer mlplab; this one reads up to {FORMAT}")


@contextmanager
def _of_file(where: str) -> Iterator[None]:
    try:
        yield
    except (HydraException, OmegaConfBaseException, UserError) as error:
        raise UserError(f"{where}: {describe_error(error)}") from error


def _defaults(choice: object) -> dict[str, Any]:
    """What the same choices give today."""
    if not isinstance(choice, dict) or not choice:
        raise UserError("choice: what was chosen of each group is needed, as data: iris")
    for group, chosen in choice.items():
        if not Path(CONF_DIR, str(group)).is_dir() or not isinstance(chosen, str | None):
            raise UserError(f"choice.{group}={chosen}: is no choice of a group, as data: iris is")
    with isolated_hydra():
        words = [f"{group}={chosen}" for group, chosen in choice.items() if chosen is not None]
        composed = compose("train", words, return_hydra_config=True)
        HydraConfig.instance().set_config(composed)
        return to_plain(composed)


def _filled(config: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    both = {
        key: _filled(config[key], value) if isinstance(value, dict) and isinstance(config[key], dict) else config[key]
        for key, value in defaults.items()
        if key in config
    }
    return {**defaults, **config, **both}


def _plain_values(config: Mapping[str, Any]) -> None:
    """Nothing that stands for something else, which a stranger's file could take from the environment."""
    for key, value in flatten(config):
        if "${" in str(value):
            raise UserError(f"{key}={format_value(value)}: is resolved only later; write what it stands for")


def _no_slip(config: dict[str, Any], defaults: dict[str, Any]) -> None:
    """A key that the choice has not may have been added on purpose, but not in place of one that it resembles."""
    known = [key for key, _ in flatten(defaults)]
    given = [key for key, _ in flatten(config)]
    missing = [key for key in known if select(config, key, given) is given]
    for key in given:
        if select(defaults, key, given) is given and (
            meant := difflib.get_close_matches(key, missing, n=1, cutoff=0.8)
        ):
            raise UserError(f"{key}: no such key; did you mean {meant[0]}?")


class _Dumper(DUMPER):  # type: ignore[misc]
    """As OmegaConf writes it: a text that it would read as a number stands in quotes."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: Any, text: str) -> Any:
    try:
        float(text)
    except ValueError:
        return dumper.represent_scalar("tag:yaml.org,2002:str", text)
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="'")


_Dumper.add_representer(str, _text)
