"""The sweepers: each plans a sweep, launches its jobs, writes its table. Hydra imports this file at each start."""

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

from hydra.core.plugins import Plugins
from hydra.plugins.launcher import Launcher
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

if TYPE_CHECKING:
    from mlplab.sweep.plan import SweepKind, SweepPlan


class BaseSweeper(Sweeper):
    """Validates all jobs, creates the sweep's folder, launches the jobs and summarises them. Its options are the keys
    of conf/hydra/sweeper/, which the plan reads from the configuration."""

    kind: "SweepKind"
    config: DictConfig
    hydra_context: HydraContext

    def __init__(self, **_: Any) -> None:
        super().__init__()

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        self.hydra_context = hydra_context
        self.task_function = task_function
        self.config = config

    def plan(self, arguments: list[str]) -> "SweepPlan":
        from mlplab.sweep.plan import plan_sweep

        return plan_sweep(self.config, arguments, self.hydra_context.config_loader, self.kind)

    def sweep(self, arguments: list[str]) -> None:
        plan = self.plan(arguments)
        plan.claim()
        self.launch(plan, self._launcher(plan))
        plan.finish()

    @abstractmethod
    def launch(self, plan: "SweepPlan", launcher: Launcher) -> None:
        """Returns when all jobs have ended."""

    def _launcher(self, plan: "SweepPlan") -> Launcher:
        """Creates the launcher after the plan, which has checked that its package is installed."""
        from mlplab.sweep.eta import EstimatingTask
        from mlplab.sweep.search_config import parallel_jobs

        task = EstimatingTask(self.task_function, plan.num_waiting, parallel_jobs(self.config.hydra.launcher))
        launcher = Plugins.instance().instantiate_launcher(
            hydra_context=self.hydra_context, task_function=task, config=self.config
        )
        if hasattr(launcher, "plan"):  # of mlplab; others compose the jobs again from their overrides
            launcher.plan = plan
        return launcher


class GridSweeper(BaseSweeper):
    """Every combination of the values: `hydra/sweeper=grid`, the default."""

    kind = "grid"

    def launch(self, plan: "SweepPlan", launcher: Launcher) -> None:
        from mlplab.sweep.launch import launch_jobs

        launch_jobs(launcher.launch, plan.folder, plan.jobs, self.config.sweep.resume)


class SearchSweeper(BaseSweeper):
    """Random or TPE search with pruning: `hydra/sweeper=random`, `hydra/sweeper=tpe`."""

    kind = "search"

    def launch(self, plan: "SweepPlan", launcher: Launcher) -> None:
        from mlplab.sweep.search import run_search

        assert plan.search is not None
        run_search(plan.search, launcher)


class HalvingSweeper(BaseSweeper):
    """Successive halving of a grid: `sweep.halving=true`."""

    kind = "halving"

    def launch(self, plan: "SweepPlan", launcher: Launcher) -> None:
        from mlplab.sweep.halving import run_halving

        assert plan.rounds is not None
        run_halving(plan.folder, plan.jobs, plan.rounds, self.config.monitor, launcher)
