"""The launcher: sorts jobs into stacks, and hands on to Hydra's basic launcher those that fit into none."""

import os
import pickle
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import JobReturn, JobStatus, configure_log, setup_globals
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

from mlplab.config.compose import BasicLauncher, JobComposer, folder_name
from mlplab.config.configure import resolve_plain
from mlplab.run.folder import STOP_FILE, job_number, run_state
from mlplab.signals import defer_signals
from mlplab.stack.eligibility import group_jobs
from mlplab.sweep.preflight import Preflight, preflight_of


@dataclass
class Job:
    """plain: the configuration, resolved, without Hydra's own part."""

    number: int
    overrides: list[str]
    plain: dict[str, Any]
    swept: str

    @property
    def run(self) -> Path:
        return Path(self.plain["run_dir"])

    @property
    def place(self) -> str:
        """Its number in the sweep, of which the jobs that are launched may be a part."""
        return job_number(self.run.name)

    @property
    def label(self) -> str:
        return f"#{self.place} {self.swept}"


class StackedLauncher(Launcher):
    """most: members of a stack; None: as many as fit into memory and are fast."""

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
        known = preflight_of(self.context).known
        jobs = [
            make_job(words, number, self.composer, known)
            for number, words in enumerate(job_overrides, start=initial_job_idx)
        ]
        done: dict[int, JobReturn] = {}
        stacks, alone = self._by_rows(jobs, *_sorted(jobs))
        if stacks or len(jobs) > 1:
            print(_told(jobs, stacks, alone), flush=True)
        for places in stacks:
            if (_sweep(jobs[0]) / STOP_FILE).exists():
                alone |= dict.fromkeys(places, "")  # which will see it, too
            elif reason := self._stacked([jobs[place] for place in places], done):
                print(f"singly: {_numbers([jobs[place] for place in places])} ({reason})", flush=True)
                alone |= dict.fromkeys(places, reason)
        for place in sorted(alone):
            done[jobs[place].number] = self.basic.launch([job_overrides[place]], jobs[place].number)[0]
        return [done[job.number] for job in jobs]

    def _by_rows(
        self, jobs: Sequence[Job], stacks: list[list[int]], alone: dict[int, str]
    ) -> tuple[list[list[int]], dict[int, str]]:
        """Members of a stack have as many rows each, which folds have not always. What is read for it is kept."""
        self.datasets: Any = None
        found: list[list[int]] = []
        for places in stacks:
            if len({jobs[place].plain["data"].get("fold") for place in places}) == 1:
                found.append(places)
                continue
            with defer_signals():
                from mlplab.stack.data import DatasetCache, split_by_data
            self.datasets = self.datasets or DatasetCache()
            parts, others = split_by_data(LazyConfigs([jobs[place] for place in places]), self.datasets)
            found += [[places[at] for at in part] for part in parts]
            alone |= {places[at]: reason for at, reason in others.items()}
        return found, alone

    def _stacked(self, jobs: Sequence[Job], done: dict[int, JobReturn]) -> str:
        """Trains them, unless something is in the way, which it returns."""
        with defer_signals():
            from mlplab.stack.train import Stack
        stack = Stack(LazyConfigs(jobs), [job.label for job in jobs], self.most, self.datasets)
        if reason := stack.obstacle():
            return reason
        heard = self._is_heard()
        for job in jobs if heard else ():
            whole = self.composer.numbered(job.overrides, job.number)
            self.context.callbacks.on_job_start(config=whole, task_function=self.task_function)
        scores = stack.train()
        failed = [job for place, job in enumerate(jobs) if place not in scores]
        if failed and jobs[0].plain["sweep"]["fail_fast"]:
            (_sweep(jobs[0]) / STOP_FILE).write_text(failed[0].place)
        for place, job in enumerate(jobs):
            monitored = scores[place][job.plain["monitor"]] if place in scores else None
            done[job.number] = _returned(job, monitored)
            if heard:
                whole = self.composer.numbered(job.overrides, job.number)
                self.context.callbacks.on_job_end(config=whole, job_return=done[job.number])
        return ""

    def _is_heard(self) -> bool:
        """By callbacks of the user's own; to the gate the jobs of a stack tell nothing."""
        return not all(isinstance(one, Preflight) for one in self.context.callbacks.callbacks)


def _returned(job: Job, score: float | None) -> JobReturn:
    """As of a job that trained by itself: one that failed has said so, and has no score."""
    done: Any = JobReturn(overrides=job.overrides, task_name="train", status=JobStatus.COMPLETED)
    done.return_value = score
    return done


def _sorted(jobs: Sequence[Job]) -> tuple[list[list[int]], dict[int, str]]:
    """The places of each stack, and of those that run singly with the reason: a run that was begun before goes on."""
    begun = {place: "begun before" for place, job in enumerate(jobs) if run_state(job.run) != "new"}
    fresh = [place for place in range(len(jobs)) if place not in begun]
    stacks, alone = group_jobs([jobs[place].plain for place in fresh])
    reasons = begun | {fresh[place]: reason for place, reason in alone.items()}
    return [[fresh[place] for place in places] for places in stacks], reasons


def _sweep(job: Job) -> Path:
    return job.run.parent


def _told(jobs: Sequence[Job], stacks: Sequence[Sequence[int]], alone: dict[int, str]) -> str:
    counts = ", ".join(str(len(places)) for places in stacks) or "none"
    words = [f"stacked: {counts} of {len(jobs)} jobs"]
    reasons: dict[str, list[Job]] = {}
    for place, reason in alone.items():
        reasons.setdefault(reason, []).append(jobs[place])
    words += [f"singly: {_numbers(those)} ({reason})" for reason, those in reasons.items()]
    return "; ".join(words)


def _numbers(jobs: Sequence[Job]) -> str:
    shown = ", ".join(f"#{job.place}" for job in jobs[:5])
    return f"{shown} and {len(jobs) - 5} more" if len(jobs) > 5 else shown


def make_job(words: Sequence[str], number: int, composer: JobComposer, known: Mapping[tuple[str, ...], Any]) -> Job:
    """known: of the jobs of a grid, by their words, what each trains and which keys it is named by."""
    if tuple(words) in known:
        held, swept = known[tuple(words)]
        folder = os.path.join(composer.sweep, f"{number}_{folder_name(swept)}")
    else:
        config = composer.numbered(words, number)
        hydra, held = config.hydra, resolve_plain(config, config.hydra.overrides.task)
        swept, folder = hydra.job.override_dirname, hydra.runtime.output_dir
    held = {**held, "run_dir": os.path.relpath(folder)}
    return Job(number, list(words), held, swept)


class LazyConfigs(Sequence[DictConfig]):
    """Of jobs: each is made where it is used first, which may be in a process that trains a part of them, from that of
    the first job by what differs: from the plain one OmegaConf takes ten times as long."""

    def __init__(self, jobs: Sequence[Job]) -> None:
        self.jobs = jobs
        self._made: dict[int, DictConfig] = {}

    def __len__(self) -> int:
        return len(self.jobs)

    def __getitem__(self, place: Any) -> Any:
        if place not in self._made:
            self._made[place] = self._like_first(self.jobs[place].plain)
        return self._made[place]

    def _like_first(self, plain: dict[str, Any]) -> DictConfig:
        first, pickled = self._first
        config: DictConfig = pickle.loads(pickled)
        return config if _changed(config, first, plain) else OmegaConf.create(plain)

    @cached_property
    def _first(self) -> tuple[dict[str, Any], bytes]:
        plain = self.jobs[0].plain
        return plain, pickle.dumps(OmegaConf.create(plain))


def _changed(config: DictConfig, first: Mapping[str, Any], plain: Mapping[str, Any]) -> bool:
    """What differs from the first is put in; nothing is done where the keys are others."""
    if first.keys() != plain.keys():
        return False
    for key, value in plain.items():
        nested = isinstance(value, dict) and isinstance(first[key], dict) and value.keys() == first[key].keys()
        if repr(value) != repr(first[key]) and not (nested and _changed(config[key], first[key], value)):
            config[key] = value
    return True
