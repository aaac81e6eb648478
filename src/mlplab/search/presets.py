"""The launchers of conf/hydra/launcher/ in place of those that the plugins register under the same names."""

from pathlib import Path

from hydra.core.config_store import ConfigStore
from hydra.core.plugins import Plugins

from mlplab.configuration import CONF


def use_own() -> None:
    """Hydra would take a plugin's own configuration as the schema of our file, and refuse its keys."""
    Plugins.instance()  # finds the plugins, which register as they are imported
    launchers = ConfigStore.instance().repo["hydra"]["launcher"]
    for path in Path(CONF, "hydra", "launcher").glob("*.yaml"):
        launchers.pop(path.name, None)
