"""Where the YAML files lie, which keys they have, and a composed configuration as plain containers."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

FORMAT = 5  # of config.yaml and of checkpoints; rises when a key of a file or a tag changes

HERE = Path(__file__).resolve().parent
# conf/ lies beside src/ in a checkout, and inside the package in an installation
CONF = str(next(path for path in (HERE / "conf", HERE.parents[1] / "conf") if path.is_dir()))


@contextmanager
def own_hydra() -> Iterator[None]:
    """To compose as train does. Hydra holds one state for the whole process, in which a door may be open."""
    config, hydra = HydraConfig.instance().cfg, GlobalHydra.instance().hydra
    GlobalHydra.instance().clear()
    try:
        with initialize_config_dir(CONF, version_base="1.3", job_name="train"):
            yield
    finally:
        HydraConfig.instance().cfg, GlobalHydra.instance().hydra = config, hydra


def plain(composed: DictConfig) -> dict[str, Any]:
    """Plain containers, interpolations resolved, without Hydra's own part."""
    if "hydra" not in composed:
        whole: Any = OmegaConf.to_container(composed, resolve=True)
        return dict(whole)
    keys = [str(key) for key in composed if key != "hydra"]
    held = {key: "???" if OmegaConf.is_missing(composed, key) else composed[key] for key in keys}
    return {
        key: OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value
        for key, value in held.items()
    }


def located(config: DictConfig) -> dict[str, Any]:
    """Plain containers, which find their files from any folder, and hold nothing of the command that began or resumed
    their sweep."""
    held = plain(config)
    if "sweep" in held:
        held["sweep"] |= {"resume": None, "fail_fast": False, "ensemble": False}
    for key in ("path", "root"):
        if isinstance(given := held["data"].get(key), str):
            held["data"][key] = str(Path(given).expanduser().absolute())
    return held


def keys_of(path: Path) -> set[str]:
    """The keys of one choice, those that it inherits too."""
    own: Any = OmegaConf.to_container(OmegaConf.load(path), resolve=False)
    inherited = [entry for entry in own.pop("defaults", []) if isinstance(entry, str) and entry != "_self_"]
    return set(own).union(*(keys_of(path.with_name(f"{entry}.yaml")) for entry in inherited))


def has_key(path: Path, name: str) -> bool:
    """Whether a choice has a key, which may be dotted."""
    first, _, rest = name.partition(".")
    if not rest:
        return first in keys_of(path)
    own: Any = OmegaConf.to_container(OmegaConf.load(path), resolve=False)
    for part in name.split("."):
        if not isinstance(own, dict) or part not in own:
            return False
        own = own[part]
    return True


def choices(group: str) -> list[str]:
    return sorted(path.stem for path in Path(CONF, group).glob("*.yaml") if path.stem != "base")


def choices_with(group: str, key: str, value: object) -> list[str]:
    """The choices of a group that give a key this value."""
    paths = {name: Path(CONF, group, f"{name}.yaml") for name in choices(group)}
    return [name for name, path in paths.items() if OmegaConf.select(OmegaConf.load(path), key) == value]
