"""A launcher of the lab, where Hydra looks for it: it imports this file at each start, so nothing heavy here."""

from collections.abc import Sequence

from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig


class Local(Launcher):
    """A process a job, so many at once: `hydra/launcher=submitit_local`. The plugin's own starts all at once, each with
    all cores as threads, hides the GPUs, and ends a job after an hour. The keys are those of conf/hydra/launcher/."""

    def __init__(
        self, at_once: int | None, threads: int | None, gpus: list[int] | None, timeout_min: int, submitit_folder: str
    ) -> None:
        self.at_once = at_once
        self.threads = threads
        self.gpus = gpus
        self.timeout_min = timeout_min
        self.submitit_folder = submitit_folder

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        self.known = {"hydra_context": hydra_context, "task_function": task_function, "config": config}

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        from hydra_plugins.hydra_submitit_launcher.submitit_launcher import LocalLauncher

        from mlplab.search.local import Slots, gpus_here, run_all

        each = LocalLauncher()
        each.setup(**self.known)
        gpus = gpus_here() if self.gpus is None else list(self.gpus)
        slots = Slots.divided(self.at_once, self.threads, gpus)
        return run_all(each, job_overrides, initial_job_idx, slots, self.submitit_folder, self.timeout_min)
