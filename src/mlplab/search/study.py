"""The record of a search, in a file that several processes share: what was tried, what comes next. Optuna does it."""

import warnings
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.exceptions import ExperimentalWarning
from optuna.storages import JournalStorage
from optuna.trial import FrozenTrial, TrialState

from mlplab.run.folder import Outcome
from mlplab.search.journal import Journal
from mlplab.search.plan import FOLDER, Settings
from mlplab.search.space import Numbers, Options, Space

WORDS = {"median": "the median of the others at this epoch is better", "hyperband": "others of its bracket are better"}


@lru_cache(maxsize=1)
def study_of(folder: Path, settings: Settings) -> "Study":
    """The same for all that asks in a process: to read the record anew takes longer from job to job."""
    return Study(folder, settings)


class Study:
    def __init__(self, folder: Path, settings: Settings) -> None:
        """folder: of the sweep."""
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        warnings.filterwarnings("ignore", category=ExperimentalWarning)
        self.settings = settings
        self.storage = JournalStorage(Journal(folder / FOLDER / "journal.log"))
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

    def ask(self, space: Space, process: str) -> FrozenTrial:
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


def _sampler(settings: Settings, number: int) -> optuna.samplers.BaseSampler:
    seed = int(np.random.SeedSequence((settings.seed, number)).generate_state(1)[0])
    if settings.sampler == "random":
        return optuna.samplers.RandomSampler(seed=seed)
    return optuna.samplers.TPESampler(n_startup_trials=settings.first, multivariate=True, seed=seed)


def _pruner(settings: Settings) -> optuna.pruners.BasePruner:
    if settings.pruner == "median":
        return optuna.pruners.MedianPruner(n_startup_trials=settings.first, n_warmup_steps=settings.grace)
    if settings.pruner == "hyperband":
        return optuna.pruners.HyperbandPruner(
            min_resource=settings.grace, max_resource=settings.epochs, reduction_factor=settings.eta
        )
    return optuna.pruners.NopPruner()


def _distribution(part: Options | Numbers) -> BaseDistribution:
    if isinstance(part, Options):
        return CategoricalDistribution(part.words)
    if part.whole:
        return IntDistribution(int(part.low), int(part.high), log=part.log, step=int(part.step or 1))
    return FloatDistribution(part.low, part.high, log=part.log, step=part.step)
