"""The base class of lessons, their claims, and the runs that a lesson trains."""

import json
import operator
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any, Literal

import lightning
import numpy as np
import torch
from numpy.typing import ArrayLike
from omegaconf import DictConfig

import mlplab
from mlplab.analysis.layer_statistics import Layer, layer_statistics
from mlplab.config.configure import configure
from mlplab.config.tree import to_plain
from mlplab.data.splits import Splits
from mlplab.learner.learner import Learner
from mlplab.report.decision_boundary import predict_function
from mlplab.report.style import draw_range
from mlplab.run.build import build_learner, build_splits
from mlplab.run.load import load_run
from mlplab.trainer.history_file import Row, read_history

Relation = Literal["<=", ">=", "=="]
Scores = dict[str, Any]
COMPARE = {"<=": operator.le, ">=": operator.ge, "==": operator.eq}
DEFAULT_OVERRIDES = ("trainer.accelerator=cpu", "report.picture=false")
SPLIT_BY_SEED = "data.split_seed=${seed}"


class Lesson(ABC):
    """Base class of the choices in the config group `lesson`; the constructor's arguments are the config keys."""

    @abstractmethod
    def show(self, runner: "LessonRunner") -> "list[Claim]":
        """Trains the runs, draws the figure to `runner.picture` and returns the claims to check."""


@dataclass(frozen=True)
class Claim:
    """States a limit for a measured value. values: one, or one per seed; the worst of them must satisfy the limit.

    NaN, such as the loss of a run that diverged, satisfies no limit.
    """

    text: str
    values: ArrayLike
    relation: Relation
    limit: float

    @property
    def measured(self) -> float:
        """The worst value; NaN if any value is NaN."""
        values = np.ravel(self.values)
        worst = {"<=": values.max(), ">=": values.min(), "==": values[abs(values - self.limit).argmax()]}
        return float(worst[self.relation])

    @property
    def holds(self) -> bool:
        return bool(COMPARE[self.relation](self.measured, self.limit))

    def to_dict(self) -> dict[str, Any]:
        numbers = {"measured": self.measured, "relation": self.relation, "limit": float(self.limit)}
        values = np.ravel(self.values).astype(float).tolist()
        return {"claim": self.text, **numbers, "holds": self.holds, "values": values}


@dataclass(frozen=True)
class LessonRunner:
    """Trains the runs of a lesson once each. folder: the lesson's output folder.

    train, resume: the functions of the commands of these names. report: called with a line before each training.
    """

    folder: Path
    train: Callable[[DictConfig], Scores]
    resume: Callable[[Path], Scores]
    report: Callable[[str], object] = lambda _: None

    @property
    def picture(self) -> Path:
        return self.folder / "picture.png"

    def run(self, name: str, *overrides: str) -> "LessonRun":
        """Trains on the CPU as `python scripts/train.py OVERRIDES` does, or resumes a stopped run.

        name: prefix of the run folder; a digest of the configuration is appended, so each configuration has its own.
        Raises UserError for an invalid override, RunError if the run fails.
        """
        config = configure(*DEFAULT_OVERRIDES, *overrides)
        options = {key: value for key, value in to_plain(config).items() if key not in ("run_dir", "sweep")}
        versions = [mlplab.__version__, torch.__version__, lightning.__version__]
        digest = blake2b(json.dumps([options, versions], sort_keys=True).encode(), digest_size=4).hexdigest()
        folder = self.folder / "runs" / f"{name}_{digest}"
        config.run_dir = str(folder)
        scores = folder / "scores.json"
        if not scores.exists():
            self.report(f"{name}: {' '.join(overrides)}")
            if (folder / "config.yaml").exists():
                self.resume(folder)
            else:
                self.train(config)
        return LessonRun(folder, config, read_history(folder / "history.csv"), json.loads(scores.read_text()))

    def run_seeds(self, name: str, seeds: Sequence[int], *overrides: str) -> "list[LessonRun]":
        """Trains once per seed. With SPLIT_BY_SEED among the overrides each seed has its own split too."""
        return [self.run(f"{name}_{seed}", *overrides, f"seed={seed}") for seed in seeds]


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
        return load_run(self.folder, self.config, checkpoint)[0]

    def untrained_learner(self) -> Learner:
        """Builds the learner with its initial weights, in evaluation mode."""
        splits = self.splits()
        with torch.random.fork_rng(devices=[]):
            lightning.seed_everything(self.config.seed, verbose=False)
            return build_learner(self.config, splits).eval()

    def predict(self, features: np.ndarray, checkpoint: str = "best") -> np.ndarray:
        """Predicts class probabilities, (N, num_classes), or values in the unit of the target, (N, num_targets)."""
        return predict_function(self.learner(checkpoint), classes=False)(features)[0]

    def layers(self, learner: Learner) -> list[Layer]:
        """Computes the layer statistics of a learner over all training rows."""
        train = self.splits().train
        return layer_statistics(learner, train.features, train.target)


Runs = Sequence[LessonRun]


def curves(runs: Runs, name: str) -> np.ndarray:
    """Returns a history column of each run, (runs, epochs + 1)."""
    return np.array([run.column(name) for run in runs])


def final_value(runs: Runs, name: str, epoch: int = -1) -> np.ndarray:
    """Returns a history value of each run, (runs,), by default that of the last epoch."""
    return np.array([run.rows[epoch][name] for run in runs])


def lowest_value(runs: Runs, name: str) -> np.ndarray:
    return np.array([min(run.column(name)) for run in runs])


def best_score(runs: Runs, name: str) -> np.ndarray:
    """Returns a score of scores.json of each run, (runs,), at the best epoch."""
    return np.array([run.scores[name] for run in runs], dtype=float)


def draw_medians(axes: Any, x: Sequence[float], values: Mapping[str, np.ndarray], **options: Any) -> None:
    """Draws the median over runs by name, in a band from minimum to maximum, on a logarithmic y axis.

    values: (runs, len(x)) by name. options: arguments of Axes.set.
    """
    axes.set(**{"xlim": (x[0], x[-1]), "yscale": "log", **options})
    draw_range(axes, x, values, np.median)
