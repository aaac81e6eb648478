"""Checks before anything is written: the configuration and folder of a single run, the plugins of a sweep."""

import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from mlplab.config.cli import exit_with_error
from mlplab.config.configure import VALIDATED, resolve
from mlplab.config.messages import describe_error, unknown_choice
from mlplab.config.schema import COUNT, LAUNCHER_COUNTS
from mlplab.config.tree import portable_config, to_plain
from mlplab.errors import UserError
from mlplab.run.config_file import write_config
from mlplab.run.folder import claim_folder

SWEEPERS = "hydra_plugins.mlplab.sweepers."
# by the start of a `_target_`: the module that it needs, and the extra of mlplab that installs it
OPTIONAL_PACKAGES = {
    f"{SWEEPERS}SearchSweeper": ("optuna", "search"),
    "hydra_plugins.mlplab.local_launcher.": ("hydra_plugins.hydra_submitit_launcher", "slurm"),
    "hydra_plugins.hydra_joblib_launcher.": ("hydra_plugins.hydra_joblib_launcher", "joblib"),
    "hydra_plugins.hydra_submitit_launcher.": ("hydra_plugins.hydra_submitit_launcher", "slurm"),
    "hydra_plugins.hydra_ray_launcher.": ("hydra_plugins.hydra_ray_launcher", "ray"),
}


class Preflight(Callback):
    """Validates a single run and claims its folder before Hydra creates it: between composing the configuration and
    creating the folder Hydra calls nothing but callbacks. A sweep is planned by its sweeper (`sweep.plan`).

    Hydra turns an exception of a callback into a warning and continues, but lets SystemExit pass.
    """

    def on_run_start(self, config: DictConfig, **_: Any) -> None:
        """Creates the folder with its config.yaml: a run that is killed while it imports its libraries can be
        resumed."""
        VALIDATED.clear()
        try:
            resolved = resolve(config.copy())
            VALIDATED[tuple(config.hydra.overrides.task)] = to_plain(resolved)
            if resolved.sweep.resume:
                remedy = "resume a run by: python scripts/resume.py run=FOLDER"
                raise UserError(f"sweep.resume: only for a sweep (-m); {remedy}")
            if resolved.sweep.ensemble:
                raise UserError("sweep.ensemble: only for a sweep (-m)")
            claim_folder(Path(config.hydra.run.dir), "run_dir")
            resolved.run_dir = config.hydra.run.dir
            write_config(portable_config(resolved))
        except Exception as error:  # the border to Hydra, which would continue
            exit_with_error(describe_error(error), traced=True)

    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:
        """Refuses a sweeper that is not of mlplab: it would not validate its jobs."""
        if not str(config.hydra.sweeper.get("_target_")).startswith(SWEEPERS):
            chosen = str(config.hydra.runtime.choices["hydra/sweeper"])
            exit_with_error(unknown_choice("hydra/sweeper", chosen))


def check_optional_packages(hydra: DictConfig) -> None:
    """Raises UserError for a missing package or cluster, and for an invalid number of the launcher.

    hydra: Hydra's own part of a sweep's configuration.
    """
    for group in ("sweeper", "launcher"):
        target = str(hydra[group].get("_target_"))
        chosen = f"hydra/{group}={hydra.runtime.choices[f'hydra/{group}']}"
        for start, (module, extra) in OPTIONAL_PACKAGES.items():
            if target.startswith(start) and not _is_installed(module):
                raise UserError(f"{chosen}: needs packages that are not installed: pip install 'mlplab[{extra}]'")
        if target.endswith(".SlurmLauncher") and shutil.which("sbatch") is None:
            raise UserError(f"{chosen}: no sbatch on this machine; start the sweep where jobs are submitted to Slurm")
    launcher = hydra.launcher
    for name in LAUNCHER_COUNTS:
        if launcher.get(name) is not None and not COUNT.holds(launcher[name]):
            raise UserError(f"hydra.launcher.{name}={launcher[name]}: must be {COUNT}")
    jobs = launcher.get("n_jobs", 1)
    if type(jobs) is not int or jobs == 0:
        raise UserError(f"hydra.launcher.n_jobs={jobs}: must be an integer above 0, or -1 for one process per core")


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False
