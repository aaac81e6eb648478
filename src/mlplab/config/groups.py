"""Where the YAML files are; which choices and keys each group has."""

from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

FORMAT = 6  # of config.yaml and of checkpoints; rises when a key of a file or a tag changes
PACKAGE = Path(__file__).resolve().parents[1]
# conf/ is beside src/ in a checkout, and inside the package in an installation
CONF_DIR = str(next(path for path in (PACKAGE / "conf", PACKAGE.parents[1] / "conf") if path.is_dir()))


def choices(group: str) -> list[str]:
    """Returns names of the YAML files of a group; `base` holds the keys that the others share, and is no choice."""
    return sorted(path.stem for path in Path(CONF_DIR, group).glob("*.yaml") if path.stem != "base")


def choices_with(group: str, key: str, value: object) -> list[str]:
    """Returns the choices of a group that set a key to this value."""
    paths = {name: Path(CONF_DIR, group, f"{name}.yaml") for name in choices(group)}
    return [name for name, path in paths.items() if OmegaConf.select(OmegaConf.load(path), key) == value]


def choice_keys(path: Path) -> set[str]:
    """Returns the keys of one choice, inherited keys included."""
    keys: Any = OmegaConf.to_container(OmegaConf.load(path), resolve=False)
    inherited = [entry for entry in keys.pop("defaults", []) if isinstance(entry, str) and entry != "_self_"]
    return set(keys).union(*(choice_keys(path.with_name(f"{entry}.yaml")) for entry in inherited))


def choice_has_key(path: Path, name: str) -> bool:
    """Returns whether a choice has a key; a dotted name is a key of its nested dicts."""
    first, _, rest = name.partition(".")
    if not rest:
        return first in choice_keys(path)
    value: Any = OmegaConf.to_container(OmegaConf.load(path), resolve=False)
    for part in name.split("."):
        if not isinstance(value, dict) or part not in value:
            return False
        value = value[part]
    return True
