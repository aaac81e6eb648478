"""The loop of a search: ask, launch, tell, until there are as many jobs as were asked for."""

import time
from collections.abc import Sequence
from pathlib import Path

from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher
from optuna.trial import FrozenTrial, TrialState

from mlplab.files import alone, locked, taking_part
from mlplab.run.folder import Outcome, folder_of, outcome
from mlplab.search.plan import FOLDER, Plan
from mlplab.search.study import Study, study_of

PAUSE = 0.5  # s between looks at what other processes do


def search(plan: Plan, launcher: Launcher) -> list[Sequence[JobReturn]]:
    """The jobs of this process; others may take part. Returns once all jobs of the search have ended."""
    study = study_of(plan.folder.absolute(), plan.settings)
    returns = []
    with taking_part(plan.folder / FOLDER) as process:
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


def jobs_of(plan: Plan) -> list[list[str]]:
    """The command lines of all jobs, by number."""
    return [plan.space.words(trial.params) for trial in study_of(plan.folder.absolute(), plan.settings).trials]


def _next(plan: Plan, study: Study, process: str) -> list[FrozenTrial]:
    """What this process does next: first what one that has died left half-done, and what it did not come to ask. Jobs
    that are chosen together are so after a stop too, so that they are the same."""
    with alone(plan.folder / FOLDER / "ask.lock"):
        found = [trial for trial in study.trials if _is_left(plan.folder, trial)][: plan.at_once]
        for trial in found:
            study.take_over(trial.number, process)
        asked = len(study.trials)
        due = -asked % plan.at_once or (0 if found else plan.at_once)
        return found + [study.ask(plan.space, process) for _ in range(min(due, plan.num_jobs - asked))]


def _came_of(plan: Plan, trial: FrozenTrial) -> Outcome:
    return outcome(folder_of(plan.folder, trial.number), plan.settings.monitor)


def _is_left(folder: Path, trial: FrozenTrial) -> bool:
    if trial.state != TrialState.RUNNING:
        return False
    process = folder / FOLDER / trial.user_attrs.get("process", "none")
    return not locked(process) and not locked(folder_of(folder, trial.number))


def _job(plan: Plan, trial: FrozenTrial) -> list[str]:
    """The folder is named by the number of the trial, which no other process has."""
    name = f"{trial.number}_${{folder_name:${{hydra.job.override_dirname}}}}"
    own = (f"hydra.sweeper.trial={trial.number}", f"hydra.sweep.subdir='{name}'")
    return [*plan.space.words(trial.params), *own]
