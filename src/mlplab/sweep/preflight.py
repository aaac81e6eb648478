"""Before Hydra makes a folder: is the configuration good, is the folder new? After a sweep: its table."""

import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import JobReturn
from hydra.experimental.callback import Callback
from hydra.types import HydraContext
from omegaconf import DictConfig, OmegaConf

from mlplab.comparison.summary import summarise
from mlplab.config.cli import exit_with_error
from mlplab.config.compose import JobComposer, folder_name
from mlplab.config.configure import VALIDATED, resolve, resolve_plain
from mlplab.config.messages import describe_error
from mlplab.config.schema import COUNT, LAUNCHER_COUNTS
from mlplab.config.tree import to_plain
from mlplab.errors import UserError
from mlplab.run.config_file import write_config
from mlplab.run.folder import UNFINISHED, claim_folder, run_state
from mlplab.sweep import manifest
from mlplab.sweep.ensembles import group_by_seed, write_ensembles
from mlplab.sweep.eta import estimate_remaining
from mlplab.sweep.halving import Round, check_same_rounds, format_rounds, grid_jobs, is_halving, plan_rounds
from mlplab.sweep.search_config import SearchPlan, is_search, parallel_jobs, plan_search


class Preflight(Callback):
    """A job whose configuration is wrong stops a run before its folder is made, and a sweep before its first job."""

    def __init__(self) -> None:
        self.jobs: list[list[str]] = []
        self.search: SearchPlan | None = None
        self.plan: list[manifest.Job] = []
        self.known: dict[tuple[str, ...], tuple[dict[str, Any], str]] = {}  # what each trains, what it is named by
        self.left = 0
        VALIDATED.clear()

    def on_run_start(self, config: DictConfig, **_: Any) -> None:
        with _told():
            resolved = resolve(config)
            VALIDATED[tuple(config.hydra.overrides.task)] = to_plain(resolved)
            if resolved.sweep.resume:
                raise UserError(
                    "sweep.resume: this is no sweep (-m); a run goes on by: python scripts/resume.py run=FOLDER"
                )
            if resolved.sweep.ensemble:
                raise UserError("sweep.ensemble: this is no sweep; -m makes one")
            claim_folder(Path(config.hydra.run.dir), "run_dir")
            resolved.run_dir = config.hydra.run.dir
            write_config(resolved)  # now, so that a run that is killed in its imports can go on

    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:
        with _told():
            check_optional_packages(config)
            if is_search(config) or is_halving(config):
                _of_a_plain_sweep(config)
            self.search = plan_search(config) if is_search(config) else None
            self.jobs = list(self.search.space.corners()) if self.search else grid_jobs(config)
            if any(word.startswith("run_dir=") for word in self.jobs[0]):
                remedy = "give sweep.name instead"
                raise UserError(f"run_dir: the folders of a sweep lie in outputs/sweeps/<sweep.name>; {remedy}")
            _of_the_whole_sweep(self.jobs)
        composer = JobComposer(GlobalHydra.instance().config_loader(), config)
        for number, job in enumerate(self.jobs):
            shown = " ".join(word for word in job if not word.startswith("sweep."))
            which = "an end of the search" if self.search else f"job {number} of {len(self.jobs)}"
            with _told(f"{which} ({shown}): "):
                composed = composer.compose(job)
                held, swept = resolve_plain(composed, job), str(composed.hydra.job.override_dirname)
                self.known[tuple(job)] = held, swept
                VALIDATED[tuple(job)] = held
                self.plan.append(manifest.Job(f"{number}_{folder_name(swept)}", job, manifest.trained_values(held)))
        with _told():
            if config.sweep.ensemble and any(len(members) < 2 for members in group_by_seed(self.plan).values()):
                raise UserError("sweep.ensemble: two seeds or more are needed, as seed=0,1,2")
            folder = Path(config.hydra.sweep.dir)
            rounds = plan_rounds(config, self.jobs) if is_halving(config) else None
            HydraConfig.instance().set_config(config)
            if self.search and self.search.joins:
                self.search.agree()
            elif config.sweep.resume:
                self._go_on(folder, rounds)
                return
            else:
                claim_folder(folder, "sweep.name")
                if self.search:
                    self.search.agree()
                elif rounds is None:
                    self.left = len(self.jobs)
            what = self.search.told() if self.search else _counted(self.jobs, rounds)
            print(f"{what} -> {folder}", flush=True)

    def _go_on(self, folder: Path, rounds: Sequence[Round] | None) -> None:
        known = manifest.read_manifest(folder)
        self.plan = manifest.merge_jobs(known, self.plan, folder)
        states = [run_state(folder / job.name) for job in self.plan]
        check_same_rounds(folder, rounds, begun=any(state != "new" for state in states))
        self.jobs = [job.words for job in self.plan]
        self.left = sum(state in UNFINISHED for state in states) if rounds is None else 0
        for changed in manifest.changed_versions(folder):
            print(f"note: {changed}: the last digits may be others")
        grown = f", {len(self.plan) - len(known)} of them new to it" if 0 < len(known) < len(self.plan) else ""
        what = f"{_counted(self.jobs, rounds)} -> {folder}{grown}"
        print(f"{what}: {manifest.progress_text(folder, self.plan)}", flush=True)

    def on_job_end(self, config: DictConfig, job_return: JobReturn, **_: Any) -> None:
        first = OmegaConf.select(config, "hydra.job.num") == 0  # of a sweep; else it is missing
        if first and (said := estimate_remaining(self.left, parallel_jobs(config.hydra.launcher))):
            print(said, flush=True)

    def on_multirun_end(self, config: DictConfig, **_: Any) -> None:
        with _told():
            if self.search:
                from mlplab.sweep.search import searched_jobs  # imports optuna

                self.jobs = searched_jobs(self.search)
            folder = Path(config.hydra.sweep.dir)
            not_made = write_ensembles(folder, self.plan) if config.sweep.ensemble else 0
            if summarise(folder, self.jobs, config.report.picture) or not_made:
                sys.exit(1)


@contextmanager
def _told(where: str = "") -> Iterator[None]:
    """Hydra turns exceptions of a callback into warnings and goes on, but lets SystemExit pass: so each one fails."""
    try:
        yield
    except Exception as error:
        exit_with_error(f"{where}{describe_error(error)}", traced=True)


def preflight_of(context: HydraContext) -> Preflight:
    """That of this process, which knows the jobs that it let in."""
    return next(one for one in context.callbacks.callbacks if isinstance(one, Preflight))


def _counted(jobs: Sequence[Sequence[str]], rounds: Sequence[Round] | None) -> str:
    return f"{len(jobs)} jobs" + (f", {format_rounds(rounds)}" if rounds else "")


def _of_a_plain_sweep(config: DictConfig) -> None:
    """What a search or a halving cannot do. config: of one of them, Hydra's."""
    ends = is_halving(config) or config.hydra.sweeper.pruner != "none"
    if ends and config.hydra.runtime.choices["hydra/launcher"] == "stacked":
        raise UserError(
            "hydra/launcher=stacked: trains all jobs to their end, so none is pruned; choose another launcher"
        )
    if config.sweep.fail_fast:
        raise UserError("sweep.fail_fast: is for a plain grid; a search or a halving goes on without a job that fails")
    if config.sweep.ensemble:
        raise UserError("ensemble, sweep.ensemble: are for a plain grid; a search or a halving leaves seeds out")
    if config.sweep.resume == "failed":
        what = "a halving" if is_halving(config) else "a search"
        raise UserError(f"sweep.resume=failed: {what} tries no failed job again; sweep.resume=true goes on with it")


def _of_the_whole_sweep(jobs: Sequence[Sequence[str]]) -> None:
    for words in zip(*jobs, strict=True):
        key = words[0].partition("=")[0]
        if key in manifest.COMMAND_KEYS and len(set(words)) > 1:
            raise UserError(f"{key}: one value is needed, for the whole sweep")


# by the first words of a `_target_`: the module, and the extra of the lab that brings it
OPTIONAL_PACKAGES = {
    "hydra_plugins.mlplab.sweepers.SearchSweeper": ("optuna", "search"),
    "hydra_plugins.mlplab.local_launcher.": ("hydra_plugins.hydra_submitit_launcher", "slurm"),
    "hydra_plugins.hydra_joblib_launcher.": ("hydra_plugins.hydra_joblib_launcher", "joblib"),
    "hydra_plugins.hydra_submitit_launcher.": ("hydra_plugins.hydra_submitit_launcher", "slurm"),
    "hydra_plugins.hydra_ray_launcher.": ("hydra_plugins.hydra_ray_launcher", "ray"),
}


def check_optional_packages(config: DictConfig) -> None:
    """config: Hydra's of a sweep. Raises Mistake where a package is absent, or a cluster, or a number is none."""
    for group in ("sweeper", "launcher"):
        target = str(config.hydra[group].get("_target_"))
        chosen = f"hydra/{group}={config.hydra.runtime.choices[f'hydra/{group}']}"
        for start, (module, extra) in OPTIONAL_PACKAGES.items():
            if target.startswith(start) and not _is_there(module):
                raise UserError(f"{chosen}: needs packages that are not installed: pip install 'mlplab[{extra}]'")
        if target.endswith(".SlurmLauncher") and shutil.which("sbatch") is None:
            raise UserError(f"{chosen}: there is no sbatch on this machine; start it where jobs are handed to Slurm")
    launcher = config.hydra.launcher
    for name in LAUNCHER_COUNTS:
        if launcher.get(name) is not None and not COUNT.holds(launcher[name]):
            raise UserError(f"hydra.launcher.{name}={launcher[name]}: must be {COUNT}")
    jobs = launcher.get("n_jobs", 1)
    if type(jobs) is not int or jobs == 0:
        raise UserError(f"hydra.launcher.n_jobs={jobs}: must be a whole number above 0, or -1 for a process a core")


def _is_there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False
