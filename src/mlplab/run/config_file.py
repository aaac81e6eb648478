"""config.yaml: written, read back and validated; files of older formats are upgraded. Imports nothing heavy."""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from mlplab import files
from mlplab.config.compose import compose_plain
from mlplab.config.groups import CONF_DIR, FORMAT
from mlplab.config.messages import describe_error
from mlplab.config.renamed import rename_values
from mlplab.config.tree import flatten, select, with_defaults
from mlplab.config.validate import unresolved_message, validate
from mlplab.errors import UserError

# the C versions are ten times as fast
LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
DUMPER: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
# class paths in files of formats before 6 -> those of today; callback states have fixed keys (`state_key`)
NEW_NAMES = {
    **{f"mlplab.data.points.{name}": f"mlplab.data.synthetic.{name}" for name in ("Blobs", "Circles", "Moons")},
    **{f"mlplab.data.points.{name}": f"mlplab.data.synthetic.{name}" for name in ("Spiral", "Xor")},
    **{f"mlplab.data.curves.{name}": f"mlplab.data.synthetic.{name}" for name in ("Line", "Polynomial", "Sine")},
    "mlplab.data.california.California": "mlplab.data.bundled.California",
    "mlplab.loss.root_mean_squared_error.RootMeanSquaredError": "mlplab.learner.losses.RootMeanSquaredError",
    "mlplab.scheduler.warmup_cosine.WarmupCosine": "mlplab.learner.schedulers.WarmupCosine",
    "mlplab.callback.weight_averaging.WeightAveraging": "mlplab.trainer.weight_averaging.WeightAveraging",
}
NAMED_BY = ("_target_", "function")  # the keys whose values name a class or a function


def read_config(run: Path, allow: Sequence[str] | None = None, ensembles: bool = True) -> DictConfig:
    """Reads and validates the configuration that a run was trained with; `run_dir` is the folder's path today.

    allow: the modules that its key `allow` may name; None: any, for a run of your own. ensembles: False refuses an
    ensemble, which has weights and scores but no epochs.
    """
    path = run / "config.yaml"
    try:
        config = load_yaml(path)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read as YAML ({' '.join(str(error).split())})") from error
    if not isinstance(config, dict):
        raise UserError(f"{path}: holds no configuration")
    version = config.pop("format", None)
    checked = validate_stored(config, version, str(path), allow)
    if checked.ensemble and not ensembles:
        raise UserError(f"run={run}: is an ensemble, which was not trained itself; name one of its members")
    checked.run_dir = str(run)
    return checked


def load_yaml(path: Path) -> Any:
    with open(path, encoding="utf-8") as file:
        return yaml.load(file, LOADER)


def write_config(stored: Mapping[str, Any]) -> None:
    """Writes config.yaml into `run_dir`; from then on the folder is a run, which may stop at any moment.

    stored: from `portable_config`.
    """
    contents = {"format": FORMAT, **stored}
    text = yaml.dump(contents, Dumper=_Dumper, default_flow_style=False, allow_unicode=True, sort_keys=False)
    files.write(Path(stored["run_dir"], "config.yaml"), text)


def validate_stored(
    config: dict[str, Any], version: object, where: str, allow: Sequence[str] | None = None
) -> DictConfig:
    """Upgrades a stored configuration of format `version` and validates it as the command line is validated.

    where: the file that messages name. allow: as for `read_config`.
    """
    config = upgrade_config(config, version, where)
    with _errors_name(where):
        defaults = _defaults(config.get("choice"))
        _refuse_misspelt_keys(config, defaults)
        validate(config, defaults)
        if allow is not None and (named := [name for name in config.get("allow", []) if name not in allow]):
            raise UserError(f"needs modules that are not mlplab's: give allow=[{','.join(named)}] if you trust them")
    return OmegaConf.create(config)


def check_format(version: object, where: str) -> None:
    """Raises UserError for a format that no version wrote, or that a newer version wrote."""
    if type(version) is not int or version < 1:
        raise UserError(f"{where}: the key format is {version}, which no version of mlplab has written")
    if version > FORMAT:
        raise UserError(f"{where}: format {version} is of a newer mlplab; this one reads up to {FORMAT}")


def upgrade_config(config: dict[str, Any], version: object, where: str) -> dict[str, Any]:
    """Returns a nested configuration in today's format: classes by the names of today, and each key that a later format
    added with its default. Raises UserError where format, values or choices are not those of a configuration."""
    check_format(version, where)
    with _errors_name(where):
        for key, value in flatten(config):
            if "${" in str(value):  # in a file from someone else it could read the environment
                raise UserError(unresolved_message(key, value))
        if version == FORMAT:
            return config
        renamed = _rename(config)
        if "data" in renamed:
            renamed["data"] = rename_values(renamed["data"])
        return with_defaults(renamed, _defaults(config.get("choice")))


def _rename(value: Any, key: str = "") -> Any:
    if isinstance(value, Mapping):
        return {name: _rename(item, str(name)) for name, item in value.items()}
    if isinstance(value, list):
        return [_rename(item) for item in value]
    return NEW_NAMES.get(value, value) if key in NAMED_BY and isinstance(value, str) else value


def _defaults(choice: object) -> dict[str, Any]:
    """Composes the same choices as they are today."""
    if not isinstance(choice, dict) or not choice:
        raise UserError("choice: what was chosen of each group is needed, as data: iris")
    for group, chosen in choice.items():
        if not Path(CONF_DIR, str(group)).is_dir() or not isinstance(chosen, str | None):
            raise UserError(f"choice.{group}={chosen}: is no choice of a group, as data: iris is")
    return compose_plain(tuple(f"{group}={chosen}" for group, chosen in choice.items() if chosen is not None))


@contextmanager
def _errors_name(where: str) -> Iterator[None]:
    try:
        yield
    except (HydraException, OmegaConfBaseException, UserError) as error:
        raise UserError(f"{where}: {describe_error(error)}") from error


def _refuse_misspelt_keys(config: dict[str, Any], defaults: dict[str, Any]) -> None:
    """Refuses a key that the choice does not have and that resembles a missing one; others may have been added on
    purpose."""
    known = [key for key, _ in flatten(defaults)]
    given = [key for key, _ in flatten(config)]
    missing = [key for key in known if select(config, key, given) is given]
    for key in given:
        if select(defaults, key, given) is given and (
            meant := difflib.get_close_matches(key, missing, n=1, cutoff=0.8)
        ):
            raise UserError(f"{key}: unknown key; did you mean {meant[0]}?")


class _Dumper(DUMPER):  # type: ignore[misc]
    """Writes YAML as OmegaConf does: a string that would be read as a number is quoted."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _represent_string(dumper: Any, text: str) -> Any:
    try:
        float(text)
    except ValueError:
        return dumper.represent_scalar("tag:yaml.org,2002:str", text)
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="'")


_Dumper.add_representer(str, _represent_string)
