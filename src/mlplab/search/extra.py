"""What a sweeper or a launcher needs beside the lab, told in one line where it is absent. Imports nothing heavy."""

import shutil
from importlib.util import find_spec

from omegaconf import DictConfig

from mlplab.mistake import Mistake

# by the first words of a `_target_`: the module, and the extra of the lab that brings it
NEEDED = {
    "hydra_plugins.mlplab_search.Search": ("optuna", "search"),
    "hydra_plugins.mlplab_local.": ("hydra_plugins.hydra_submitit_launcher", "slurm"),
    "hydra_plugins.hydra_joblib_launcher.": ("hydra_plugins.hydra_joblib_launcher", "joblib"),
    "hydra_plugins.hydra_submitit_launcher.": ("hydra_plugins.hydra_submitit_launcher", "slurm"),
    "hydra_plugins.hydra_ray_launcher.": ("hydra_plugins.hydra_ray_launcher", "ray"),
}


def check_extras(config: DictConfig) -> None:
    """config: Hydra's of a sweep. Raises Mistake where a package is absent, or a cluster."""
    for group in ("sweeper", "launcher"):
        target = str(config.hydra[group].get("_target_"))
        chosen = f"hydra/{group}={config.hydra.runtime.choices[f'hydra/{group}']}"
        for start, (module, extra) in NEEDED.items():
            if target.startswith(start) and not _is_there(module):
                raise Mistake(f"{chosen}: needs packages that are not installed: pip install 'mlplab[{extra}]'")
        if target.endswith(".SlurmLauncher") and shutil.which("sbatch") is None:
            raise Mistake(f"{chosen}: there is no sbatch on this machine; start it where jobs are handed to Slurm")


def _is_there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False
