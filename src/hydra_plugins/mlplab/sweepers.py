"""Sweepers of the lab, where Hydra looks for them: it imports this file at each start, so nothing heavy here."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig


class BaseSweeper(Sweeper):
    """Holds what a sweeper is told, and the launcher. The keys are those of conf/hydra/sweeper/."""

    launcher: Launcher
    config: DictConfig
    context: HydraContext

    def __init__(self, **_: Any) -> None:
        super().__init__()

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        self.config = config
        self.context = hydra_context
        self.launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )


class SearchSweeper(BaseSweeper):
    """Random or TPE, with pruning: `hydra/sweeper=random`, `hydra/sweeper=tpe`."""

    def sweep(self, arguments: list[str]) -> list[Sequence[JobReturn]]:
        from mlplab.sweep.search import run_search
        from mlplab.sweep.search_config import plan_search

        return run_search(plan_search(self.config), self.launcher)


class HalvingSweeper(BaseSweeper):
    """Successive halving over a plain grid: `sweep.halving=true`."""

    def sweep(self, arguments: list[str]) -> None:
        from mlplab.sweep.halving import run_halving
        from mlplab.sweep.preflight import preflight_of

        run_halving(self.config, preflight_of(self.context).plan, self.launcher)


class GridSweeper(BaseSweeper):
    """The jobs are those that the gate let in."""

    def sweep(self, arguments: list[str]) -> Any:
        from mlplab.sweep.launch import launch_jobs
        from mlplab.sweep.preflight import preflight_of

        folder, jobs = Path(self.config.hydra.sweep.dir), preflight_of(self.context).plan
        launch_jobs(self.launcher.launch, folder, jobs, self.config.sweep.resume)
