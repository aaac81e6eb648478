"""What a sweeper or a launcher needs beside the lab, and its numbers, told where not right. Imports nothing heavy."""

import shutil
from importlib.util import find_spec

from omegaconf import DictConfig

from mlplab.config.schema import COUNT
from mlplab.errors import Mistake

# by the first words of a `_target_`: the module, and the extra of the lab that brings it
NEEDED = {
    "hydra_plugins.mlplab_search.Search": ("optuna", "search"),
    "hydra_plugins.mlplab_local.": ("hydra_plugins.hydra_submitit_launcher", "slurm"),
    "hydra_plugins.hydra_joblib_launcher.": ("hydra_plugins.hydra_joblib_launcher", "joblib"),
    "hydra_plugins.hydra_submitit_launcher.": ("hydra_plugins.hydra_submitit_launcher", "slurm"),
    "hydra_plugins.hydra_ray_launcher.": ("hydra_plugins.hydra_ray_launcher", "ray"),
}

COUNTS = ("most", "at_once", "threads", "timeout_min", "cpus_per_task", "mem_gb", "array_parallelism")  # of launchers


def check_extras(config: DictConfig) -> None:
    """config: Hydra's of a sweep. Raises Mistake where a package is absent, or a cluster, or a number is none."""
    for group in ("sweeper", "launcher"):
        target = str(config.hydra[group].get("_target_"))
        chosen = f"hydra/{group}={config.hydra.runtime.choices[f'hydra/{group}']}"
        for start, (module, extra) in NEEDED.items():
            if target.startswith(start) and not _is_there(module):
                raise Mistake(f"{chosen}: needs packages that are not installed: pip install 'mlplab[{extra}]'")
        if target.endswith(".SlurmLauncher") and shutil.which("sbatch") is None:
            raise Mistake(f"{chosen}: there is no sbatch on this machine; start it where jobs are handed to Slurm")
    launcher = config.hydra.launcher
    for name in COUNTS:
        if launcher.get(name) is not None and not COUNT.holds(launcher[name]):
            raise Mistake(f"hydra.launcher.{name}={launcher[name]}: must be {COUNT}")
    jobs = launcher.get("n_jobs", 1)
    if type(jobs) is not int or jobs == 0:
        raise Mistake(f"hydra.launcher.n_jobs={jobs}: must be a whole number above 0, or -1 for a process a core")


def _is_there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False
