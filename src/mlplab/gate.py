"""Before Hydra makes a folder: is the configuration good, is the folder new? After a sweep: its table."""

import sys
from pathlib import Path
from typing import Any

from hydra import compose
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.hydra_config import HydraConfig
from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from mlplab.command_line import fail, parse, resolve
from mlplab.explain import explain
from mlplab.mistake import Mistake
from mlplab.sweep import summarise


class Gate(Callback):
    """Hydra turns exceptions of a callback into warnings and goes on, but lets SystemExit pass: so each one fails."""

    def __init__(self) -> None:
        self.jobs: list[list[str]] = []

    def on_run_start(self, config: DictConfig, **_: Any) -> None:
        try:
            resolve(config)
            claim(Path(config.hydra.run.dir), "run_dir")
        except Exception as error:
            fail(explain(error))

    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:
        """A job whose configuration is wrong stops the sweep before its first job."""
        # the sweeper's own order, so that the numbers of the jobs agree
        try:
            self.jobs = BasicSweeper.split_arguments(parse(config.hydra.overrides.task), None)[0]
        except Exception as error:
            fail(explain(error))
        for number, job in enumerate(self.jobs):
            if any(word.startswith("run_dir=") for word in job):
                fail("run_dir: the folders of a sweep lie in outputs/sweeps/<sweep.name>; give sweep.name instead")
            try:
                resolve(compose("train", job, return_hydra_config=True))
            except Exception as error:
                shown = " ".join(word for word in job if not word.startswith("sweep.name="))
                fail(f"job {number} of {len(self.jobs)} ({shown}): {explain(error)}")
        try:
            HydraConfig.instance().set_config(config)
            claim(Path(config.hydra.sweep.dir), "sweep.name")
        except Exception as error:
            fail(explain(error))
        print(f"{len(self.jobs)} jobs -> {config.hydra.sweep.dir}", flush=True)

    def on_multirun_end(self, config: DictConfig, **_: Any) -> None:
        try:
            failed = summarise(Path(config.hydra.sweep.dir), self.jobs, config.monitor)
        except Exception as error:
            fail(explain(error))
        if failed:
            sys.exit(1)


def claim(folder: Path, key: str) -> None:
    """Make a folder that must be new."""
    try:
        folder.mkdir(parents=True)
    except FileExistsError:
        raise Mistake(f"{key}: {folder} exists already; name another, nothing is written over") from None
    except OSError as error:
        raise Mistake(f"{key}: {folder} cannot be made ({error.strerror})") from error
