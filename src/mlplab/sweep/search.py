"""The loop of a search: ask Optuna for jobs, launch them, report their scores to it, until all jobs have ended."""

import json
import os
import time
import warnings
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import optuna
from hydra.plugins.launcher import Launcher
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.exceptions import ExperimentalWarning
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, TrialState

from mlplab.files import exclusive, is_locked, register_process
from mlplab.run.folder import UNFINISHED, Outcome, job_folder, read_outcome, state_text
from mlplab.sweep.search_config import SEARCH_FOLDER, Choices, FloatRange, SearchConfig, SearchPlan, SearchSpace

POLL_INTERVAL = 0.5  # s between checks of the other processes
PRUNED_BECAUSE = {
    "median": "the median of the others at this epoch is better",
    "hyperband": "others of its bracket are better",
}


def run_search(plan: SearchPlan, launcher: Launcher) -> None:
    """Runs jobs in this process, others may take part. Returns when all jobs of the search have ended."""
    study = shared_study(plan.folder.absolute(), plan.settings)
    with register_process(plan.folder / SEARCH_FOLDER) as process:
        while True:
            trials = _next_trials(plan, study, process)
            waiting = [trial for trial in trials if _outcome(plan, trial).state in UNFINISHED]
            if waiting:
                launcher.launch([_job(plan, trial) for trial in waiting], initial_job_idx=waiting[0].number)
            for trial in trials:
                study.tell(trial.number, _outcome(plan, trial))
            if trials:
                continue
            if not any(trial.state == TrialState.RUNNING for trial in study.trials):
                return
            time.sleep(POLL_INTERVAL)


def searched_jobs(plan: SearchPlan) -> list[list[str]]:
    """Returns the overrides of all jobs, by number."""
    trials = shared_study(plan.folder.absolute(), plan.settings).trials
    return [plan.space.overrides(trial.params) for trial in trials]


@lru_cache(maxsize=1)
def shared_study(folder: Path, settings: SearchConfig) -> "Study":
    """Returns one study for a process: reading the journal from its start takes longer from job to job."""
    return Study(folder, settings)


class Study:
    """An Optuna study that several processes share, and that is the same after a restart.

    folder: of the sweep.
    """

    def __init__(self, folder: Path, settings: SearchConfig) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        warnings.filterwarnings("ignore", category=ExperimentalWarning)
        self.settings = settings
        self.storage = JournalStorage(Journal(folder / SEARCH_FOLDER / "journal.log"))
        arguments: dict[str, Any] = {
            "storage": self.storage,
            "study_name": "search",  # Hyperband assigns brackets by it
            "pruner": _pruner(settings),
            "sampler": _sampler(settings, 0),
        }
        try:
            self.study = optuna.load_study(**arguments)
        except KeyError:
            arguments["direction"] = "minimize" if settings.direction == "min" else "maximize"
            self.study = optuna.create_study(**arguments, load_if_exists=True)

    @property
    def trials(self) -> list[FrozenTrial]:
        return self.study.get_trials(deepcopy=False)

    def ask(self, space: SearchSpace, process: str) -> FrozenTrial:
        """Returns the next trial, which depends only on the seed, its number and the scores so far."""
        self.study.sampler = _sampler(self.settings, len(self.trials))
        trial = self.study.ask({key: _distribution(values) for key, values in space.searched.items()})
        trial.set_user_attr("process", process)
        return self.trials[trial.number]

    def take_over(self, number: int, process: str) -> None:
        self._set_attribute(number, "process", process)

    def tell(self, number: int, outcome: Outcome) -> None:
        """Reports the outcome. A failed trial counts as pruned, so that the sampler avoids its neighbourhood: Optuna
        ignores failed ones."""
        if outcome.state == "finished":
            self.study.tell(number, outcome.scores[self.settings.monitor])
            return
        self._set_attribute(number, state_text(outcome.state), outcome.reason)
        self.study.tell(number, state=TrialState.PRUNED)

    def judge(self, number: int) -> Callable[[int, float], str]:
        """Returns a function of epoch and score that reports the score to all processes and returns why the trial is to
        be pruned; an empty string if it is not."""
        reported = set(self.trials[number].intermediate_values)

        def judge(epoch: int, score: float) -> str:
            if epoch not in reported:  # a resumed run may repeat epochs
                self.storage.set_trial_intermediate_value(self._id(number), epoch, score)
                reported.add(epoch)
            if not self.study.pruner.prune(self.study, self.trials[number]):
                return ""
            return f"after epoch {epoch}: {PRUNED_BECAUSE[self.settings.pruner]}"

        return judge

    def _set_attribute(self, number: int, name: str, text: str) -> None:
        self.storage.set_trial_user_attr(self._id(number), name, text)

    def _id(self, number: int) -> int:
        return self.trials[number]._trial_id


def _sampler(settings: SearchConfig, number: int) -> optuna.samplers.BaseSampler:
    seed = int(np.random.SeedSequence((settings.seed, number)).generate_state(1)[0])
    if settings.sampler == "random":
        return optuna.samplers.RandomSampler(seed=seed)
    return optuna.samplers.TPESampler(n_startup_trials=settings.first, multivariate=True, seed=seed)


def _pruner(settings: SearchConfig) -> optuna.pruners.BasePruner:
    if settings.pruner == "median":
        return optuna.pruners.MedianPruner(n_startup_trials=settings.first, n_warmup_steps=settings.grace)
    if settings.pruner == "hyperband":
        return optuna.pruners.HyperbandPruner(
            min_resource=settings.grace, max_resource=settings.epochs, reduction_factor=settings.eta
        )
    return optuna.pruners.NopPruner()


def _distribution(values: Choices | FloatRange) -> BaseDistribution:
    if isinstance(values, Choices):
        return CategoricalDistribution(values.options)
    if values.whole:
        return IntDistribution(int(values.low), int(values.high), log=values.log, step=int(values.step or 1))
    return FloatDistribution(values.low, values.high, log=values.log, step=values.step)


def _next_trials(plan: SearchPlan, study: Study, process: str) -> list[FrozenTrial]:
    """Returns the trials that this process runs next: first those that a dead process has left, and the rest of the
    batch that it was asking for. A batch is the same after a restart, so that its trials are."""
    with exclusive(plan.folder / SEARCH_FOLDER / "ask.lock"):
        abandoned = [trial for trial in study.trials if _is_abandoned(plan.folder, trial)][: plan.at_once]
        for trial in abandoned:
            study.take_over(trial.number, process)
        asked = len(study.trials)
        missing = -asked % plan.at_once or (0 if abandoned else plan.at_once)
        return abandoned + [study.ask(plan.space, process) for _ in range(min(missing, plan.num_jobs - asked))]


def _is_abandoned(folder: Path, trial: FrozenTrial) -> bool:
    if trial.state != TrialState.RUNNING:
        return False
    process = folder / SEARCH_FOLDER / trial.user_attrs.get("process", "none")
    return not is_locked(process) and not is_locked(job_folder(folder, trial.number))


def _outcome(plan: SearchPlan, trial: FrozenTrial) -> Outcome:
    return read_outcome(job_folder(plan.folder, trial.number), plan.settings.monitor)


def _job(plan: SearchPlan, trial: FrozenTrial) -> list[str]:
    """Returns the job's overrides. Its folder is named by the number of the trial, which no other process has."""
    name = f"{trial.number}_${{folder_name:${{hydra.job.override_dirname}}}}"
    own = (f"hydra.sweeper.trial={trial.number}", f"hydra.sweep.subdir='{name}'")
    return [*plan.space.overrides(trial.params), *own]


class Journal(JournalFileBackend):
    """Optuna's journal, with a lock that a killed process releases, and fewer writes to the disk.

    Optuna's own lock is a file that stays behind a process that is killed while it writes, and everyone then waits
    for half a minute; and it syncs each score of each epoch, which takes longer than an epoch of a small net. Here the
    scores of epochs, which are in the job's history too, are synced with the next decision.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(str(path))
        self.path = path

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        lines = "".join(json.dumps(log, separators=(",", ":")) + "\n" for log in logs)
        with exclusive(self.path.with_name("journal.lock")), open(self.path, "r+b") as file:
            file.seek(_end_of_lines(file))
            file.truncate()
            file.write(lines.encode())
            file.flush()
            if any("intermediate_value" not in log for log in logs):
                os.fsync(file.fileno())


def _end_of_lines(file: BinaryIO) -> int:
    """Returns the position behind the last complete line: a power cut or a full disk may leave a part of one."""
    end = file.seek(0, os.SEEK_END)
    while end > 0:
        file.seek(end - 1)
        if file.read(1) == b"\n":
            break
        end -= 1
    return end
