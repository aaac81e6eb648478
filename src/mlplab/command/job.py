"""train and resume: runs one job, with its exit status and a one-line message where it fails."""

import contextlib
import logging
import os
import sys
import threading
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from mlplab import files
from mlplab.config.configure import VALIDATED, resolve_plain
from mlplab.config.messages import describe_error
from mlplab.config.tree import portable_config, to_plain
from mlplab.config.validate import validate
from mlplab.errors import Pruned
from mlplab.files import lock_folder
from mlplab.run.config_file import read_config, write_config
from mlplab.run.folder import (
    PRUNED_FILE,
    STOP_FILE,
    SWEEP_FILE,
    best_scores,
    find_run,
    job_number,
    release_folder,
    resume_command,
)
from mlplab.signals import defer_signals, exit_status
from mlplab.sweep.eta import mark_start
from mlplab.sweep.launch import exit_with_sweep
from mlplab.sweep.manifest import resume_hint
from mlplab.sweep.search_config import SEARCH_FOLDER

Judge = Callable[[int, float], str]
log = logging.getLogger(__name__)


def train_job(config: DictConfig) -> float | None:
    """Trains in the folder that Hydra has created; returns the monitored score."""
    hydra = HydraConfig.get()
    overrides = tuple(hydra.overrides.task)
    resolved = OmegaConf.create(VALIDATED.get(overrides) or resolve_plain(config, overrides))
    resolved.run_dir = os.path.relpath(hydra.runtime.output_dir)
    run = Path(resolved.run_dir)
    if hydra.mode == RunMode.MULTIRUN:
        judge = pruning_judge(hydra.sweeper, Path(hydra.sweep.dir))
        with exit_with_sweep():
            return _sweep_job(resolved, run, hydra.job.override_dirname, judge)
    begun: list[bool] = []

    def train() -> dict[str, Any]:
        return _train(resolved, lambda: begun.append(True))

    with lock_folder(run):  # the folder is new, so the lock is free
        scores = run_guarded(train, run, lambda: bool(begun), lambda: _clear(run), config.debug)
    return float(scores[config.monitor]) if scores else None


def _sweep_job(config: DictConfig, run: Path, overrides: str, judge: Judge | None) -> float | None:
    """Trains, or resumes, one job of a sweep. One that fails writes its reason, and the other jobs run, unless
    sweep.fail_fast is set.

    judge: of a search, or of a round of halving; a job that it prunes has not failed.
    """
    number = job_number(run.name)
    label = f"#{number} {overrides}"
    _silence_console()
    if (run.parent / STOP_FILE).exists():
        _clear(run)
        return None

    def train_or_resume() -> dict[str, Any]:
        with lock_folder(run, wait=True):  # a worker of a killed sweep may still be running
            if not (run / "config.yaml").exists():
                write_config(portable_config(config))
                return _train(config, lambda: None, judge)
        return _resume(run, allow=config.allow, judge=judge)

    def until_pruned() -> dict[str, Any]:
        try:
            return train_or_resume()
        except Pruned as pruned:
            files.write(run / PRUNED_FILE, f"{pruned}\n")
            log.info(f"pruned     {pruned}")
            return {PRUNED_FILE: str(pruned)}

    scores = run_guarded(until_pruned, run, lambda: True, lambda: None, config.debug, label)
    if scores is None:
        if config.sweep.fail_fast:
            with contextlib.suppress(OSError):
                (run.parent / STOP_FILE).write_text(number)
        return None
    if PRUNED_FILE in scores:
        best = best_scores(run, config.monitor)
        print(f"{label}: pruned {scores[PRUNED_FILE]}; {config.monitor} {best[config.monitor]:.4f}", flush=True)
        return None
    print(f"{label}: {config.monitor} {scores[config.monitor]:.4f} at epoch {scores['best_epoch']}", flush=True)
    return float(scores[config.monitor])


def _train(config: DictConfig, begin: Callable[[], None], judge: Judge | None = None) -> dict[str, Any]:
    with defer_signals():
        import mlplab.run.train as training
    mark_start()
    return training.train_in_folder(config, begin, judge)


def _resume(run: Path, **settings: Any) -> dict[str, Any]:
    with defer_signals():
        import mlplab.run.resume as resuming
    return resuming.resume(run, **settings)


def resume_job(settings: Mapping[str, Any]) -> None:
    """Resumes a run and appends to its train.log. settings: the keys of conf/resume.yaml."""
    run = find_run(str(settings["run"]))
    limits = {f"max_{what}": settings["trainer"][f"max_{what}"] for what in ("epochs", "time")}
    config = read_config(run, settings["allow"], ensembles=False)
    config.trainer.update({name: limit for name, limit in limits.items() if limit is not None})
    validate(to_plain(config), to_plain(config))
    begun: list[bool] = []

    def begin() -> None:
        logging.getLogger().addHandler(logging.FileHandler(run / "train.log"))
        begun.append(True)

    def resume() -> dict[str, Any]:
        return _resume(run, **limits, allow=settings["allow"], begin=begin)

    run_guarded(resume, run, lambda: bool(begun), lambda: None, settings["debug"])


def run_guarded(
    work: Callable[[], dict[str, Any]],
    run: Path,
    begun: Callable[[], bool],
    clear: Callable[[], None],
    debug: bool = False,
    label: str = "",
) -> dict[str, Any] | None:
    """Returns what `work` returns; where it fails, logs the error in one line and exits.

    label: of a job of a sweep, where an error ends that job only and None is returned. begun: whether the run has
    begun, so that its folder gets failure.txt; if not, `clear` is called.
    """
    threading.excepthook = _ignore_disk_errors
    try:
        return work()
    except (Exception, SystemExit) as error:
        if not begun():
            clear()
        if asked := exit_status(error):
            log.error(f"mlplab: stopped; {_how_to_resume(run)}")
            sys.exit(asked)
        if debug:
            traceback.print_exc()
        reason = describe_error(error)
        log.error(f"mlplab: {label}: {reason}" if label else f"mlplab: {reason}")
        if begun():
            with contextlib.suppress(OSError):  # the disk may be what failed
                files.write(run / "failure.txt", reason + "\n")
        if not label:
            sys.exit(1)
        return None


def _ignore_disk_errors(failure: threading.ExceptHookArgs) -> None:
    """Ignores an OSError in TensorBoard's writing thread: the next call raises it again."""
    if not isinstance(failure.exc_value, OSError):
        threading.__excepthook__(failure)


def _clear(run: Path) -> None:
    """Removes the folder of a run that has not begun, unless it holds other files."""
    if {path.name for path in run.glob("*")} <= {"train.log", "config.yaml"}:
        with contextlib.suppress(OSError):
            for name in ("train.log", "config.yaml"):
                (run / name).unlink(missing_ok=True)
            run.rmdir()
            release_folder()


def _how_to_resume(run: Path) -> str:
    if (run.parent / SWEEP_FILE).exists():
        return resume_hint(run.parent)
    if (run.parent / SEARCH_FOLDER).is_dir():
        return "the same command with sweep.resume=true resumes the search"
    if not (run / "config.yaml").exists():
        return "the run had not begun"
    lost = "" if any(run.glob("checkpoints/*.ckpt")) else "no epoch had ended; "
    return f"{lost}resume by: {resume_command(run)}"


def _silence_console() -> None:
    """Shows one line a job on the console of a sweep; train.log has the rest."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.StreamHandler) and handler.stream is sys.stdout:
            handler.setLevel(logging.WARNING)


def pruning_judge(sweeper: Mapping[str, Any], sweep: Path) -> Judge | None:
    """Returns the judge of a job in a search or a halving; None in a plain grid. sweeper: Hydra's configuration of
    it."""
    if sweeper.get("trial") is not None:
        from mlplab.sweep.search import shared_study  # imports optuna
        from mlplab.sweep.search_config import stored_search_config

        return shared_study(sweep.absolute(), stored_search_config(sweep)).judge(sweeper["trial"])
    if (until := sweeper.get("until")) is not None:
        return lambda epoch, _: f"after epoch {epoch}, the end of its round" if epoch >= until else ""
    return None
