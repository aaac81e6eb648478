"""`hydra/launcher=stacked`: trains jobs that differ only in numbers as one stack, the others one after the other."""

import os
import pickle
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import JobReturn, JobStatus, configure_log, setup_globals
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

from mlplab.config.compose import BasicLauncher, JobComposer, folder_name
from mlplab.config.configure import resolve_plain
from mlplab.config.tree import flatten
from mlplab.run.folder import STOP_FILE, job_number, run_state
from mlplab.signals import defer_signals
from mlplab.stack.eligibility import group_jobs

if TYPE_CHECKING:
    from mlplab.stack.data import DatasetCache
    from mlplab.sweep.plan import SweepPlan

OWN_CALLBACKS = "mlplab."  # the start of their `_target_`


@dataclass
class StackJob:
    """config: resolved, in plain containers, without Hydra's part. swept: the overrides that name the folder."""

    number: int
    overrides: list[str]
    config: dict[str, Any]
    swept: str

    @property
    def run(self) -> Path:
        return Path(self.config["run_dir"])

    @property
    def sweep(self) -> Path:
        return self.run.parent

    @property
    def sweep_number(self) -> str:
        """Its number in the sweep, which is not `number` if only a part of the sweep is launched."""
        return job_number(self.run.name)

    @property
    def label(self) -> str:
        return f"#{self.sweep_number} {self.swept}"


class StackedLauncher(Launcher):
    """most: maximum size of a stack; None: as many as fit into memory and are fast."""

    plan: "SweepPlan | None" = None  # set by the sweeper: without it each job is composed again
    datasets: "DatasetCache | None" = None  # read to count rows: the stacks use it again

    def __init__(self, most: int | None = None) -> None:
        self.most = most
        self.basic = BasicLauncher()

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        self.config = config
        self.context = hydra_context
        self.task_function = task_function
        self.basic.setup(hydra_context=hydra_context, task_function=task_function, config=config)

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        before = HydraConfig.instance().cfg
        try:
            return self._launch(job_overrides, initial_job_idx)
        finally:
            HydraConfig.instance().cfg = before

    def _launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        setup_globals()
        configure_log(self.config.hydra.hydra_logging, self.config.hydra.verbose)
        self.composer = JobComposer(self.context.config_loader, self.config)
        resolved = self.plan.resolved if self.plan else {}
        jobs = [
            create_job(overrides, number, self.composer, resolved)
            for number, overrides in enumerate(job_overrides, start=initial_job_idx)
        ]
        returns: dict[int, JobReturn] = {}
        stacks, singles = self.split_by_rows(jobs, *_group(jobs))
        if stacks or len(jobs) > 1:
            print(summary(jobs, stacks, singles), flush=True)
        for places in stacks:
            if (jobs[0].sweep / STOP_FILE).exists():
                singles |= dict.fromkeys(places, "")  # the task function sees the file too
            elif reason := self._train([jobs[place] for place in places], returns):
                print(f"singly: {_numbers([jobs[place] for place in places])} ({reason})", flush=True)
                singles |= dict.fromkeys(places, reason)
        for place in sorted(singles):
            returns[jobs[place].number] = self.basic.launch([job_overrides[place]], jobs[place].number)[0]
        return [returns[job.number] for job in jobs]

    def split_by_rows(
        self, jobs: Sequence[StackJob], stacks: list[list[int]], singles: dict[int, str]
    ) -> tuple[list[list[int]], dict[int, str]]:
        """Splits stacks whose members differ in their number of rows, which only folds do. Takes and returns the places
        of the jobs of each stack, and of the single jobs with the reason."""
        self.datasets = None
        found: list[list[int]] = []
        for places in stacks:
            if len({jobs[place].config["data"].get("fold") for place in places}) == 1:
                found.append(places)
                continue
            with defer_signals():
                from mlplab.stack.data import DatasetCache, split_by_data
            self.datasets = self.datasets or DatasetCache()
            parts, others = split_by_data(LazyConfigs([jobs[place].config for place in places]), self.datasets)
            found += [[places[at] for at in part] for part in parts]
            singles |= {places[at]: reason for at, reason in others.items()}
        return found, singles

    def _train(self, jobs: Sequence[StackJob], returns: dict[int, JobReturn]) -> str:
        """Trains a stack and adds what its jobs return. Returns why it cannot be trained, else an empty string."""
        with defer_signals():
            from mlplab.stack.data import DatasetCache
            from mlplab.stack.train import Stack
        configs, labels = LazyConfigs([job.config for job in jobs]), [job.label for job in jobs]
        stack = Stack(configs, labels, self.most, self.datasets or DatasetCache())
        if reason := stack.obstacle():
            return reason
        notify = self._has_user_callbacks()
        for job in jobs if notify else ():
            config = self.composer.numbered(job.overrides, job.number)
            self.context.callbacks.on_job_start(config=config, task_function=self.task_function)
        scores = stack.train()
        failed = [job for place, job in enumerate(jobs) if place not in scores]
        if failed and jobs[0].config["sweep"]["fail_fast"]:
            (jobs[0].sweep / STOP_FILE).write_text(failed[0].sweep_number)
        for place, job in enumerate(jobs):
            # one that failed has printed its reason and returns no score
            returned: Any = JobReturn(overrides=job.overrides, task_name="train", status=JobStatus.COMPLETED)
            returned.return_value = scores[place][job.config["monitor"]] if place in scores else None
            returns[job.number] = returned
            if notify:
                config = self.composer.numbered(job.overrides, job.number)
                self.context.callbacks.on_job_end(config=config, job_return=returns[job.number])
        return ""

    def _has_user_callbacks(self) -> bool:
        """Returns whether jobs have callbacks of the user's own; for these each job is composed again, which takes
        time."""
        callbacks = (self.config.hydra.get("callbacks") or {}).values()
        return not all(str(callback.get("_target_")).startswith(OWN_CALLBACKS) for callback in callbacks)


def _group(jobs: Sequence[StackJob]) -> tuple[list[list[int]], dict[int, str]]:
    """Returns the places of the jobs of each stack, and of the single jobs with the reason: a started run resumes
    singly."""
    started = {place: "begun before" for place, job in enumerate(jobs) if run_state(job.run) != "new"}
    new = [place for place in range(len(jobs)) if place not in started]
    stacks, singles = group_jobs([jobs[place].config for place in new])
    reasons = started | {new[place]: reason for place, reason in singles.items()}
    return [[new[place] for place in places] for places in stacks], reasons


def summary(jobs: Sequence[StackJob], stacks: Sequence[Sequence[int]], singles: Mapping[int, str]) -> str:
    """Returns one line: the size of each stack, and which jobs run singly for which reason."""
    sizes = ", ".join(str(len(places)) for places in stacks) or "none"
    reasons: dict[str, list[StackJob]] = {}
    for place, reason in singles.items():
        reasons.setdefault(reason, []).append(jobs[place])
    parts = [f"singly: {_numbers(alike)} ({reason})" for reason, alike in reasons.items()]
    return "; ".join([f"stacked: {sizes} of {len(jobs)} jobs", *parts])


def _numbers(jobs: Sequence[StackJob]) -> str:
    shown = ", ".join(f"#{job.sweep_number}" for job in jobs[:5])
    return f"{shown} and {len(jobs) - 5} more" if len(jobs) > 5 else shown


def create_job(
    overrides: Sequence[str],
    number: int,
    composer: JobComposer,
    resolved: Mapping[tuple[str, ...], tuple[dict[str, Any], str]],
) -> StackJob:
    """resolved: of the sweep's plan, which has composed the jobs of a grid already."""
    if tuple(overrides) in resolved:
        config, swept = resolved[tuple(overrides)]
        folder = os.path.join(composer.sweep, f"{number}_{folder_name(swept)}")
    else:
        composed = composer.numbered(overrides, number)
        hydra, config = composed.hydra, resolve_plain(composed, composed.hydra.overrides.task)
        swept, folder = hydra.job.override_dirname, hydra.runtime.output_dir
    return StackJob(number, list(overrides), {**config, "run_dir": os.path.relpath(folder)}, swept)


class LazyConfigs(Sequence[DictConfig]):
    """The configurations of jobs as OmegaConf, each created on first use, which may be in a process that trains a part
    of the jobs. Each is a copy of the first with the differing values set: creating one takes ten times as long."""

    def __init__(self, configs: Sequence[dict[str, Any]]) -> None:
        self.configs = configs
        self._created: dict[int, DictConfig] = {}

    def __len__(self) -> int:
        return len(self.configs)

    def __getitem__(self, index: Any) -> Any:
        if index not in self._created:
            self._created[index] = self._create(self.configs[index])
        return self._created[index]

    def _create(self, plain: dict[str, Any]) -> DictConfig:
        first, values = dict(flatten(self.configs[0])), dict(flatten(plain))
        if first.keys() != values.keys():
            return OmegaConf.create(plain)
        config: DictConfig = pickle.loads(self._pickled_first)
        for key, value in values.items():
            if repr(value) != repr(first[key]):
                OmegaConf.update(config, key, value)
        return config

    @cached_property
    def _pickled_first(self) -> bytes:
        return pickle.dumps(OmegaConf.create(self.configs[0]))
