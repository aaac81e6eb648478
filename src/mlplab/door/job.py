"""One job of a door: its failure in one line, its exit status."""

import contextlib
import logging
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from mlplab.configuration import plain
from mlplab.explain import explain

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
    try:
        scores = train(resolved)
    except Exception as error:
        reason = explain(error)
        if config.debug:
            traceback.print_exc()
        log.error(f"mlplab: {label + ': ' if sweep else ''}{reason}")
        if sweep or (folder / "config.yaml").exists():
            (folder / "failure.txt").write_text(reason + "\n")
        else:  # it never began: leave no folder behind, but for what is not ours
            (folder / "train.log").unlink(missing_ok=True)
            with contextlib.suppress(OSError):
                folder.rmdir()
        if not sweep:
            sys.exit(1)
        return None
    except SystemExit as exit_:
        kept = (
            "the last checkpoint and the history are in" if any(folder.glob("checkpoints/*")) else "no epoch ended in"
        )
        log.error(f"mlplab: stopped; {kept} {resolved.run_dir}")
        sys.exit(_status(exit_))
    if sweep:
        print(f"{label}: {config.monitor} {scores[config.monitor]:.4f} at epoch {scores['best_epoch']}", flush=True)
    return float(scores[config.monitor])


def _status(exit_: SystemExit) -> int:
    """Lightning leaves with 1 after Ctrl-C, and without a status after SIGTERM."""
    if isinstance(exit_.__context__, KeyboardInterrupt):
        return 130
    return 143 if type(exit_).__name__ == "SIGTERMException" else int(exit_.code or 0)


def _quiet() -> None:
    """In a sweep the console has one line a job; train.log has the rest."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.StreamHandler) and handler.stream is sys.stdout:
            handler.setLevel(logging.WARNING)
