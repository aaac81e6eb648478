"""The base class of lessons, their claims, and the runs that a lesson trains."""

import json
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any, Literal

import lightning
import numpy as np
import torch
from omegaconf import DictConfig

import mlplab
from mlplab.config.configure import configure
from mlplab.config.tree import to_plain
from mlplab.data.splits import Splits
from mlplab.errors import RunError
from mlplab.learner.learner import Learner
from mlplab.run.build import build_learner, build_splits
from mlplab.run.load import load_learner, read_checkpoint
from mlplab.trainer.history_file import Row, read_history

Relation = Literal["<=", ">=", "=="]


Scores = dict[str, Any]
DEFAULT_OVERRIDES = ("trainer.accelerator=cpu", "report.picture=false")


class Lesson(ABC):
    """Base class of the choices in the config group `lesson`; the constructor's arguments are the config keys."""

    @abstractmethod
    def show(self, runner: "LessonRunner") -> "list[Claim]":
        """Trains the runs, draws the figure to `runner.picture` and returns the claims to check."""


@dataclass(frozen=True)
class Claim:
    """States a limit for a measured value. values: one per seed; the worst of them must satisfy the limit.

    NaN, such as the loss of a run that diverged, satisfies no limit.
    """

    text: str
    values: Sequence[float]
    relation: Relation
    limit: float

    @property
    def measured(self) -> float:
        """The worst value; NaN if any value is NaN."""
        if nans := list(filter(math.isnan, self.values)):
            return nans[0]
        if self.relation == "==":
            return max(self.values, key=lambda value: abs(value - self.limit))
        return max(self.values) if self.relation == "<=" else min(self.values)

    @property
    def holds(self) -> bool:
        satisfied = {"<=": self.measured <= self.limit, ">=": self.measured >= self.limit}
        return satisfied.get(self.relation, self.measured == self.limit)

    def to_dict(self) -> dict[str, Any]:
        values = [float(value) for value in self.values]  # JSON does not serialise NumPy scalars
        numbers = {"measured": float(self.measured), "relation": self.relation, "limit": float(self.limit)}
        return {"claim": self.text, **numbers, "holds": bool(self.holds), "values": values}


class LessonRunner:
    """Trains the runs of a lesson once each. folder: the lesson's output folder. picture: path of its figure.

    train, resume: the functions of the commands of these names. report: called with a line before each training.
    """

    def __init__(
        self,
        folder: Path,
        train: Callable[[DictConfig], Scores],
        resume: Callable[[Path], Scores],
        report: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.folder = folder
        self.picture = folder / "picture.png"
        self._train = train
        self._resume = resume
        self._report = report

    def run(self, name: str, *overrides: str) -> "LessonRun":
        """Trains on the CPU as `python scripts/train.py OVERRIDES` does, or resumes a stopped run.

        name: prefix of the run folder; a digest of the configuration is appended, so each configuration has its own.
        Raises UserError for an invalid override, RunError if the run fails.
        """
        config = configure(*DEFAULT_OVERRIDES, *overrides)
        config.run_dir = str(self._run_folder(name, config))
        folder = Path(config.run_dir)
        scores = folder / "scores.json"
        if not scores.exists():
            self._report(f"{name}: {' '.join(overrides)}")
            if (folder / "config.yaml").exists():
                self._resume(folder)
            else:
                self._train(config)
        return LessonRun(folder, config, read_history(folder / "history.csv"), json.loads(scores.read_text()))

    def fails(self, name: str, *overrides: str) -> str:
        """Returns the error message of a run that is expected to fail, such as a diverging one; "" if it succeeds."""
        config = configure(*DEFAULT_OVERRIDES, *overrides)
        config.run_dir = str(self._run_folder(name, config))
        message_file = Path(config.run_dir, "failure.txt")
        if not message_file.exists():
            self._report(f"{name}: {' '.join(overrides)}")
            try:
                self._train(config)
            except RunError as error:
                message_file.write_text(f"{error}\n")
            else:
                return ""
        return message_file.read_text().strip()

    def _run_folder(self, name: str, config: DictConfig) -> Path:
        settings = {key: value for key, value in to_plain(config).items() if key not in ("run_dir", "sweep")}
        versions = [mlplab.__version__, torch.__version__, lightning.__version__]
        digest = blake2b(json.dumps([settings, versions], sort_keys=True).encode(), digest_size=4).hexdigest()
        return self.folder / "runs" / f"{name}_{digest}"


@dataclass(frozen=True)
class LessonRun:
    """A finished run. rows: the history, from epoch 0. scores: the contents of scores.json, at the best epoch."""

    folder: Path
    config: DictConfig
    rows: list[Row]
    scores: Scores

    def column(self, name: str) -> list[float]:
        """Returns a column of the history, such as loss/val: one value per epoch."""
        return [row[name] for row in self.rows]

    def trajectory(self) -> np.ndarray:
        """Loads the weights of each epoch, (P, num_parameters). The run needs report.trajectory=true."""
        weights: np.ndarray = np.load(self.folder / "trajectory.npz")["weights"]
        return weights

    def splits(self) -> Splits:
        return build_splits(self.config)

    def learner(self, checkpoint: str = "best") -> Learner:
        """Loads the learner from the best or the last checkpoint, in evaluation mode."""
        path = self.folder / "checkpoints" / f"{checkpoint}.ckpt"
        return load_learner(read_checkpoint(path), path, self.config)

    def untrained_learner(self) -> Learner:
        """Builds the learner with its initial weights, in evaluation mode."""
        splits = self.splits()
        with torch.random.fork_rng(devices=[]):
            lightning.seed_everything(self.config.seed, verbose=False)
            return build_learner(self.config, splits).eval()


Runs = Sequence[LessonRun]


def with_seeds(seed: int) -> tuple[str, str]:
    """Overrides that seed the initial weights, the order of batches and the split."""
    return f"seed={seed}", f"data.split_seed={seed}"


def curves(runs: Runs, name: str) -> np.ndarray:
    """Returns a history column of each run, (runs, epochs + 1)."""
    return np.array([run.column(name) for run in runs])


def final_value(runs: Runs, name: str, epoch: int = -1) -> list[float]:
    """Returns a history value of each run, by default that of the last epoch."""
    return [run.rows[epoch][name] for run in runs]


def lowest_value(runs: Runs, name: str) -> list[float]:
    return [min(run.column(name)) for run in runs]


def best_score(runs: Runs, name: str) -> list[float]:
    """Returns a score of scores.json of each run, at the best epoch."""
    return [float(run.scores[name]) for run in runs]


def ratio(of: Sequence[float], to: Sequence[float]) -> list[float]:
    return [value / other for value, other in zip(of, to, strict=True)]
