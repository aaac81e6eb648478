"""One job of a door: its failure in one line, its exit status."""

import contextlib
import logging
import os
import shlex
import sys
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from mlplab.check import check
from mlplab.configuration import plain
from mlplab.explain import explain
from mlplab.gate import give_back
from mlplab.mistake import Stopped
from mlplab.runs import find, stored

log = logging.getLogger(__name__)


def job(train: Callable[[DictConfig], dict[str, Any]], config: DictConfig) -> float | None:
    """Train in the folder that Hydra made. A job of a sweep that fails leaves its reason, and the others go on."""
    hydra = HydraConfig.get()
    sweep = hydra.mode == RunMode.MULTIRUN
    folder = Path(hydra.runtime.output_dir)
    resolved = OmegaConf.create(plain(config))
    resolved.run_dir = os.path.relpath(folder)
    label = f"#{hydra.job.num} {hydra.job.override_dirname}" if sweep else ""
    if sweep:
        _quiet()
    scores = guarded(lambda: train(resolved), Path(resolved.run_dir), config.debug, label)
    if scores is None:
        return None
    if sweep:
        print(f"{label}: {config.monitor} {scores[config.monitor]:.4f} at epoch {scores['best_epoch']}", flush=True)
    return float(scores[config.monitor])


def go_on(settings: Mapping[str, Any]) -> None:
    """Resume a run, its lines added to its train.log. settings: the keys of conf/resume.yaml."""
    run = find(str(settings["run"]))
    limits = {f"max_{what}": settings["trainer"][f"max_{what}"] for what in ("epochs", "time")}
    config = stored(run, settings["allow"])
    config.trainer.update({name: limit for name, limit in limits.items() if limit is not None})
    check(plain(config), plain(config))

    from mlplab.door.resume import resume

    logging.getLogger().addHandler(logging.FileHandler(run / "train.log"))
    guarded(lambda: resume(run, **limits, allow=settings["allow"]), run, settings["debug"])


def guarded(
    work: Callable[[], dict[str, Any]], run: Path, debug: bool = False, label: str = ""
) -> dict[str, Any] | None:
    """What `work` returns. What ends it is told in one line and ends the process; of a job of a sweep, which has a
    label, a failure ends that job only."""
    try:
        return work()
    except (Stopped, KeyboardInterrupt, SystemExit) as stop:
        log.error(f"mlplab: stopped; {_remedy(run)}")
        sys.exit(_status(stop))
    except Exception as error:
        if debug:
            traceback.print_exc()
        reason = explain(error)
        log.error(f"mlplab: {label}: {reason}" if label else f"mlplab: {reason}")
        _keep_reason(run, reason, always=bool(label))
        if not label:
            sys.exit(1)
        return None


def _keep_reason(run: Path, reason: str, always: bool) -> None:
    with contextlib.suppress(OSError):  # the disk may be what failed
        if always or (run / "config.yaml").exists():
            (run / "failure.txt").write_text(reason + "\n")
        else:  # it never began: leave no folder behind, but for what is not ours
            (run / "train.log").unlink(missing_ok=True)
            give_back()


def _remedy(run: Path) -> str:
    if not (run / "config.yaml").exists():
        return "the run had not begun"
    kept = "" if any(run.glob("checkpoints/*.ckpt")) else "no epoch had ended; "
    return f"{kept}go on by: python scripts/resume.py run={shlex.quote(str(run))}"


def _status(stop: BaseException) -> int:
    """Lightning leaves with 1 after a second Ctrl-C, or one outside the training loop."""
    if isinstance(stop, Stopped):
        return stop.status
    if isinstance(stop, KeyboardInterrupt) or isinstance(stop.__context__, KeyboardInterrupt):
        return 130
    return int(stop.code or 0) if isinstance(stop, SystemExit) else 1


def _quiet() -> None:
    """In a sweep the console has one line a job; train.log has the rest."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.StreamHandler) and handler.stream is sys.stdout:
            handler.setLevel(logging.WARNING)
