"""The plan of a sweep: its jobs, composed and validated before the first starts, its folder, the table at its end."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from hydra.core.config_loader import ConfigLoader
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from mlplab.comparison.summary import summarise
from mlplab.config.compose import JobComposer, folder_name
from mlplab.config.configure import VALIDATED, resolve_plain
from mlplab.config.messages import describe_error
from mlplab.errors import UserError
from mlplab.run.folder import UNFINISHED, claim_folder, run_state
from mlplab.sweep import manifest
from mlplab.sweep.ensembles import group_by_seed, write_ensembles
from mlplab.sweep.halving import Round, check_same_rounds, format_rounds, grid_jobs, plan_rounds
from mlplab.sweep.preflight import check_optional_packages
from mlplab.sweep.search_config import SearchPlan, plan_search

SweepKind = Literal["grid", "search", "halving"]


@dataclass
class SweepPlan:
    """jobs: of a grid or halving; of a search, the corners of its space, which are validated but not run.
    resolved: by the overrides of each job, its resolved configuration and the overrides that name its folder.
    num_waiting: the jobs of a grid that are to be launched; 0 for a search or a halving."""

    config: DictConfig
    folder: Path
    jobs: list[manifest.Job]
    resolved: Mapping[tuple[str, ...], tuple[dict[str, Any], str]]
    search: SearchPlan | None
    rounds: list[Round] | None
    num_waiting: int = 0

    def claim(self) -> None:
        """Creates the sweep's folder, or resumes in it, and prints the plan. Raises UserError if the folder does not
        fit."""
        progress = ""
        if self.search and self.search.joins:
            self.search.write_or_compare()
        elif self.config.sweep.resume:
            progress = self._resume()
        else:
            claim_folder(self.folder, "sweep.name")
            if self.search:
                self.search.write_or_compare()
            elif self.rounds is None:
                self.num_waiting = len(self.jobs)
        rounds = f", {format_rounds(self.rounds)}" if self.rounds else ""
        summary = self.search.summary() if self.search else f"{len(self.jobs)} jobs{rounds}"
        print(f"{summary} -> {self.folder}{progress}", flush=True)

    def finish(self) -> None:
        """Builds the ensembles and writes the table. Exits with status 1 if a job failed or an ensemble is missing."""
        jobs = [job.overrides for job in self.jobs]
        if self.search:
            from mlplab.sweep.search import searched_jobs  # imports optuna

            jobs = searched_jobs(self.search)
        missing = write_ensembles(self.folder, self.jobs) if self.config.sweep.ensemble else 0
        if summarise(self.folder, jobs, self.config.report.picture) or missing:
            sys.exit(1)

    def _resume(self) -> str:
        """Gives the jobs the numbers and folders that they had. Returns how far the sweep has come."""
        before = manifest.read_manifest(self.folder)
        self.jobs = manifest.merge_jobs(before, self.jobs, self.folder)
        states = [run_state(self.folder / job.name) for job in self.jobs]
        check_same_rounds(self.folder, self.rounds, started=any(state != "new" for state in states))
        self.num_waiting = sum(state in UNFINISHED for state in states) if self.rounds is None else 0
        for change in manifest.changed_versions(self.folder):
            print(f"note: {change}: the last digits may differ")
        added = len(self.jobs) - len(before) if before else 0
        return f"{f', {added} of them new' if added else ''}: {manifest.progress_text(self.folder, self.jobs)}"


def plan_sweep(
    config: DictConfig, arguments: Sequence[str], loader: ConfigLoader, kind: SweepKind = "grid"
) -> SweepPlan:
    """Composes and validates every job of a sweep; writes nothing.

    config: of the sweep, with Hydra's part. arguments: the overrides of the command line. loader: of Hydra's context.
    Raises UserError for the first job that is not valid, and for options that do not fit the sweep.
    """
    check_optional_packages(config.hydra)
    if kind != "grid":
        _check_grid_only_options(kind, config.hydra, config.sweep)
    search = plan_search(config.hydra, arguments) if kind == "search" else None
    overrides = list(search.space.corners()) if search else grid_jobs(arguments)
    _check_shared_overrides(overrides)
    label = "a corner of the search space" if search else None
    jobs, resolved = _resolve_jobs(JobComposer(loader, config), overrides, label)
    if config.sweep.ensemble and any(len(seeds) < 2 for seeds in group_by_seed(jobs).values()):
        raise UserError("sweep.ensemble: needs two seeds or more, such as seed=0,1,2")
    rounds = plan_rounds(config.hydra.sweeper, overrides, arguments) if kind == "halving" else None
    HydraConfig.instance().set_config(config)  # composing the jobs has left the last one there
    return SweepPlan(config, Path(str(config.hydra.sweep.dir)), jobs, resolved, search, rounds)


def _resolve_jobs(
    composer: JobComposer, overrides: Sequence[Sequence[str]], label: str | None
) -> tuple[list[manifest.Job], dict[tuple[str, ...], tuple[dict[str, Any], str]]]:
    """label: how an error names a job; None: by its number."""
    VALIDATED.clear()
    jobs, resolved = [], {}
    for number, job in enumerate(overrides):
        try:
            composed = composer.compose(job)
            plain, name = resolve_plain(composed, job), str(composed.hydra.job.override_dirname)
        except Exception as error:  # the border of a job: whatever its overrides raise, the message names the job
            shown = " ".join(override for override in job if not override.startswith("sweep."))
            where = label or f"job {number} of {len(overrides)}"
            raise UserError(f"{where} ({shown}): {describe_error(error)}") from error
        VALIDATED[tuple(job)] = plain
        resolved[tuple(job)] = plain, name
        jobs.append(manifest.Job(f"{number}_{folder_name(name)}", list(job), manifest.trained_values(plain)))
    return jobs, resolved


def _check_grid_only_options(kind: SweepKind, hydra: DictConfig, options: DictConfig) -> None:
    """Raises UserError for an option that neither a search nor a halving supports. options: the keys of `sweep`."""
    prunes = kind == "halving" or hydra.sweeper.pruner != "none"
    if prunes and hydra.runtime.choices["hydra/launcher"] == "stacked":
        raise UserError(
            "hydra/launcher=stacked: trains every job to its last epoch and prunes none; choose another launcher"
        )
    if options.fail_fast:
        raise UserError("sweep.fail_fast: only for a grid; a search or a halving continues without a failed job")
    if options.ensemble:
        raise UserError("ensemble, sweep.ensemble: only for a grid; a search or a halving drops seeds")
    if options.resume == "failed":
        raise UserError(f"sweep.resume=failed: a {kind} retries no failed job; resume it by sweep.resume=true")


def _check_shared_overrides(jobs: Sequence[Sequence[str]]) -> None:
    """Raises UserError for a key of the whole sweep that differs from job to job, and for `run_dir`."""
    if any(override.startswith("run_dir=") for override in jobs[0]):
        raise UserError("run_dir: the runs of a sweep are in outputs/sweeps/<sweep.name>; set sweep.name instead")
    for overrides in zip(*jobs, strict=True):
        key = overrides[0].partition("=")[0]
        if key in manifest.COMMAND_KEYS and len(set(overrides)) > 1:
            raise UserError(f"{key}: needs one value for the whole sweep")
