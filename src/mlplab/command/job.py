"""One job of a door: its failure in one line, its exit status."""

import contextlib
import logging
import os
import shlex
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
from mlplab.config.compose import settled
from mlplab.config.messages import explain
from mlplab.config.tree import plain
from mlplab.config.validate import check
from mlplab.errors import Pruned
from mlplab.files import held
from mlplab.run.config_file import check_trained, keep, stored
from mlplab.run.folder import FILE, PRUNED, STOP, best_of, find, give_back, number_of
from mlplab.signals import deferred, status
from mlplab.sweep.eta import start
from mlplab.sweep.launch import leaving_with_its_sweep
from mlplab.sweep.manifest import remedy
from mlplab.sweep.search_config import FOLDER

log = logging.getLogger(__name__)


def job(config: DictConfig) -> float | None:
    """Train in the folder that Hydra made."""
    hydra = HydraConfig.get()
    resolved = OmegaConf.create(settled(config, hydra.overrides.task))
    resolved.run_dir = os.path.relpath(hydra.runtime.output_dir)
    run = Path(resolved.run_dir)
    if hydra.mode == RunMode.MULTIRUN:
        judge = judge_of(hydra.sweeper, Path(hydra.sweep.dir))
        with leaving_with_its_sweep():
            return _of_a_sweep(resolved, run, hydra.job.override_dirname, judge)
    begun: list[bool] = []

    def train() -> dict[str, Any]:
        return _train(resolved, lambda: begun.append(True))

    with held(run):  # which is new: nobody else can be in it
        scores = guarded(train, run, lambda: bool(begun), lambda: _clear(run), config.debug)
    return float(scores[config.monitor]) if scores else None


Judge = Callable[[int, float], str]


def _of_a_sweep(config: DictConfig, run: Path, overrides: str, judge: Judge | None) -> float | None:
    """A job that fails leaves its reason, and the others go on, unless sweep.fail_fast; one that was begun before goes
    on. judge: of a search, or of a round of halving; a job that it ends is no failure."""
    number = number_of(run.name)
    label = f"#{number} {overrides}"
    _quiet()
    if (run.parent / STOP).exists():
        _clear(run)
        return None

    def work() -> dict[str, Any]:
        with held(run, wait=True):  # a process of a sweep that was killed may outlive it
            if not (run / "config.yaml").exists():
                keep(config)
                return _train(config, lambda: None, judge)
        return _resume(run, allow=config.allow, judge=judge)

    def until_pruned() -> dict[str, Any]:
        try:
            return work()
        except Pruned as pruned:
            files.write(run / PRUNED, f"{pruned}\n")
            log.info(f"pruned     {pruned}")
            return {PRUNED: str(pruned)}

    scores = guarded(until_pruned, run, lambda: True, lambda: None, config.debug, label)
    if scores is None:
        if config.sweep.fail_fast:
            with contextlib.suppress(OSError):
                (run.parent / STOP).write_text(number)
        return None
    if PRUNED in scores:
        known = best_of(run, config.monitor)
        print(f"{label}: pruned {scores[PRUNED]}; {config.monitor} {known[config.monitor]:.4f}", flush=True)
        return None
    print(f"{label}: {config.monitor} {scores[config.monitor]:.4f} at epoch {scores['best_epoch']}", flush=True)
    return float(scores[config.monitor])


def _train(config: DictConfig, begin: Callable[[], None], judge: Judge | None = None) -> dict[str, Any]:
    with deferred():
        import mlplab.run.train as training
    start()
    return training.carry_out(config, begin, judge)


def _resume(run: Path, **settings: Any) -> dict[str, Any]:
    with deferred():
        import mlplab.run.resume as resuming
    return resuming.resume(run, **settings)


def go_on(settings: Mapping[str, Any]) -> None:
    """Resume a run, its lines added to its train.log. settings: the keys of conf/resume.yaml."""
    run = find(str(settings["run"]))
    limits = {f"max_{what}": settings["trainer"][f"max_{what}"] for what in ("epochs", "time")}
    config = stored(run, settings["allow"])
    check_trained(settings["run"], config)
    config.trainer.update({name: limit for name, limit in limits.items() if limit is not None})
    check(plain(config), plain(config))
    begun: list[bool] = []

    def begin() -> None:
        logging.getLogger().addHandler(logging.FileHandler(run / "train.log"))
        begun.append(True)

    def resume() -> dict[str, Any]:
        return _resume(run, **limits, allow=settings["allow"], begin=begin)

    guarded(resume, run, lambda: bool(begun), lambda: None, settings["debug"])


def guarded(
    work: Callable[[], dict[str, Any]],
    run: Path,
    begun: Callable[[], bool],
    clear: Callable[[], None],
    debug: bool = False,
    label: str = "",
) -> dict[str, Any] | None:
    """What `work` returns. What ends it is told in one line and ends the process; of a job of a sweep, which has a
    label, a failure ends that job only. begun: whether the run had begun, so that its folder keeps the reason; else
    `clear` is called."""
    threading.excepthook = _told_already
    try:
        return work()
    except (Exception, SystemExit) as error:
        if not begun():
            clear()
        if asked := status(error):
            log.error(f"mlplab: stopped; {_remedy(run)}")
            sys.exit(asked)
        if debug:
            traceback.print_exc()
        reason = explain(error)
        log.error(f"mlplab: {label}: {reason}" if label else f"mlplab: {reason}")
        if begun():
            with contextlib.suppress(OSError):  # the disk may be what failed
                files.write(run / "failure.txt", reason + "\n")
        if not label:
            sys.exit(1)
        return None


def _told_already(failure: threading.ExceptHookArgs) -> None:
    """TensorBoard's writing thread raises what the next call raises again."""
    if not isinstance(failure.exc_value, OSError):
        threading.__excepthook__(failure)


def _clear(run: Path) -> None:
    """Of a run that never began nothing stays, but for what is not ours."""
    if {path.name for path in run.glob("*")} <= {"train.log", "config.yaml"}:
        with contextlib.suppress(OSError):
            for name in ("train.log", "config.yaml"):
                (run / name).unlink(missing_ok=True)
            run.rmdir()
            give_back()


def _remedy(run: Path) -> str:
    if (run.parent / FILE).exists():
        return remedy(run.parent)
    if (run.parent / FOLDER).is_dir():
        return "the same command with sweep.resume=true goes on with the search"
    if not (run / "config.yaml").exists():
        return "the run had not begun"
    kept = "" if any(run.glob("checkpoints/*.ckpt")) else "no epoch had ended; "
    return f"{kept}go on by: python scripts/resume.py run={shlex.quote(str(run))}"


def _quiet() -> None:
    """In a sweep the console has one line a job; train.log has the rest."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.StreamHandler) and handler.stream is sys.stdout:
            handler.setLevel(logging.WARNING)


def judge_of(sweeper: Mapping[str, Any], sweep: Path) -> Judge | None:
    """sweeper: Hydra's of the job. Nobody judges the jobs of a plain grid."""
    if sweeper.get("trial") is not None:
        from mlplab.sweep.search import study_of  # imports optuna
        from mlplab.sweep.search_config import kept_settings

        return study_of(sweep.absolute(), kept_settings(sweep)).judge(sweeper["trial"])
    if (until := sweeper.get("until")) is not None:
        return lambda epoch, _: f"after epoch {epoch}, where the best of its round go on" if epoch >= until else ""
    return None
