"""The loop of a search: ask, launch, tell, until there are as many jobs as were asked for."""

import json
import os
import time
import warnings
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.exceptions import ExperimentalWarning
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, TrialState

from mlplab.files import exclusive, is_locked, register_process
from mlplab.run.folder import Outcome, job_folder, read_outcome
from mlplab.sweep.search_config import SEARCH_FOLDER, Choices, FloatRange, SearchConfig, SearchPlan, SearchSpace

# Optuna's own lock is a file that stays behind a process that is killed while it writes, and everyone then waits
# for half a minute; and it puts each score of each epoch on the disk by itself, which takes longer than an epoch of
# a small net.


PAUSE = 0.5  # s between looks at what other processes do


def run_search(plan: SearchPlan, launcher: Launcher) -> list[Sequence[JobReturn]]:
    """The jobs of this process; others may take part. Returns once all jobs of the search have ended."""
    study = shared_study(plan.folder.absolute(), plan.settings)
    returns = []
    with register_process(plan.folder / SEARCH_FOLDER) as process:
        while True:
            trials = _next(plan, study, process)
            due = [trial for trial in trials if _came_of(plan, trial).state == "unfinished"]
            if due:
                jobs = [_job(plan, trial) for trial in due]
                returns.append(launcher.launch(jobs, initial_job_idx=due[0].number))
            for trial in trials:
                study.tell(trial.number, _came_of(plan, trial))
            if trials:
                continue
            if not any(trial.state == TrialState.RUNNING for trial in study.trials):
                return returns
            time.sleep(PAUSE)


def searched_jobs(plan: SearchPlan) -> list[list[str]]:
    """The command lines of all jobs, by number."""
    return [plan.space.words(trial.params) for trial in shared_study(plan.folder.absolute(), plan.settings).trials]


class Study:
    def __init__(self, folder: Path, settings: SearchConfig) -> None:
        """folder: of the sweep."""
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        warnings.filterwarnings("ignore", category=ExperimentalWarning)
        self.settings = settings
        self.storage = JournalStorage(Journal(folder / SEARCH_FOLDER / "journal.log"))
        known: dict[str, Any] = {
            "storage": self.storage,
            "study_name": "search",  # hyperband's brackets follow from it
            "pruner": _pruner(settings),
            "sampler": _sampler(settings, 0),
        }
        try:
            self.study = optuna.load_study(**known)
        except KeyError:
            known["direction"] = "minimize" if settings.direction == "min" else "maximize"
            self.study = optuna.create_study(**known, load_if_exists=True)

    def ask(self, space: SearchSpace, process: str) -> FrozenTrial:
        """The next trial. What is drawn for it follows from the seed, its number and what was told before."""
        self.study.sampler = _sampler(self.settings, len(self.trials))
        trial = self.study.ask({key: _distribution(part) for key, part in space.searched.items()})
        trial.set_user_attr("process", process)
        return self.trials[trial.number]

    def take_over(self, number: int, process: str) -> None:
        self._note(number, "process", process)

    def tell(self, number: int, outcome: Outcome) -> None:
        """A failed trial is told as one that was ended early, so that its surroundings are avoided: of failures Optuna
        learns nothing."""
        if outcome.state == "finished":
            self.study.tell(number, outcome.scores[self.settings.monitor])
            return
        self._note(number, outcome.state, outcome.reason)
        self.study.tell(number, state=TrialState.PRUNED)

    @property
    def trials(self) -> list[FrozenTrial]:
        return self.study.get_trials(deepcopy=False)

    def judge(self, number: int) -> Callable[[int, float], str]:
        """Tells a trial's scores to all, and whether it is to end."""
        known = set(self.trials[number].intermediate_values)

        def judge(epoch: int, score: float) -> str:
            if epoch not in known:  # after a stop some epochs may come again
                self.storage.set_trial_intermediate_value(self._id(number), epoch, score)
                known.add(epoch)
            if not self.study.pruner.prune(self.study, self.trials[number]):
                return ""
            return f"after epoch {epoch}: {WORDS[self.settings.pruner]}"

        return judge

    def _note(self, number: int, name: str, text: str) -> None:
        self.storage.set_trial_user_attr(self._id(number), name, text)

    def _id(self, number: int) -> int:
        return self.trials[number]._trial_id


def _next(plan: SearchPlan, study: Study, process: str) -> list[FrozenTrial]:
    """What this process does next: first what one that has died left half-done, and what it did not come to ask. Jobs
    that are chosen together are so after a stop too, so that they are the same."""
    with exclusive(plan.folder / SEARCH_FOLDER / "ask.lock"):
        found = [trial for trial in study.trials if _is_left(plan.folder, trial)][: plan.at_once]
        for trial in found:
            study.take_over(trial.number, process)
        asked = len(study.trials)
        due = -asked % plan.at_once or (0 if found else plan.at_once)
        return found + [study.ask(plan.space, process) for _ in range(min(due, plan.num_jobs - asked))]


def _came_of(plan: SearchPlan, trial: FrozenTrial) -> Outcome:
    return read_outcome(job_folder(plan.folder, trial.number), plan.settings.monitor)


def _is_left(folder: Path, trial: FrozenTrial) -> bool:
    if trial.state != TrialState.RUNNING:
        return False
    process = folder / SEARCH_FOLDER / trial.user_attrs.get("process", "none")
    return not is_locked(process) and not is_locked(job_folder(folder, trial.number))


def _job(plan: SearchPlan, trial: FrozenTrial) -> list[str]:
    """The folder is named by the number of the trial, which no other process has."""
    name = f"{trial.number}_${{folder_name:${{hydra.job.override_dirname}}}}"
    own = (f"hydra.sweeper.trial={trial.number}", f"hydra.sweep.subdir='{name}'")
    return [*plan.space.words(trial.params), *own]


class Journal(JournalFileBackend):
    """One line an entry. What was decided is on the disk once it is written; the scores of epochs, which stand in the
    history of the job too, go there with what is decided next."""

    def __init__(self, path: Path) -> None:
        super().__init__(str(path))
        self.path = path

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        lines = "".join(json.dumps(log, separators=(",", ":")) + "\n" for log in logs)
        with exclusive(self.path.with_name("journal.lock")), open(self.path, "r+b") as file:
            file.seek(_whole(file))
            file.truncate()
            file.write(lines.encode())
            file.flush()
            if any("intermediate_value" not in log for log in logs):
                os.fsync(file.fileno())


def _whole(file: Any) -> int:
    """Up to where there are whole lines: a power cut or a full disk may leave part of one."""
    end: int = file.seek(0, os.SEEK_END)
    while end > 0:
        file.seek(end - 1)
        if file.read(1) == b"\n":
            break
        end -= 1
    return end


WORDS = {"median": "the median of the others at this epoch is better", "hyperband": "others of its bracket are better"}


@lru_cache(maxsize=1)
def shared_study(folder: Path, settings: SearchConfig) -> "Study":
    """The same for all that asks in a process: to read the record anew takes longer from job to job."""
    return Study(folder, settings)


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


def _distribution(part: Choices | FloatRange) -> BaseDistribution:
    if isinstance(part, Choices):
        return CategoricalDistribution(part.words)
    if part.whole:
        return IntDistribution(int(part.low), int(part.high), log=part.log, step=int(part.step or 1))
    return FloatDistribution(part.low, part.high, log=part.log, step=part.step)
