"""What a lesson is: an idea that is trained, drawn, and held to numbers."""

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


@dataclass(frozen=True)
class Claim:
    """A sentence that ends in a number. values: one a seed, of which the worst must keep the limit.

    A value that is no number, such as the loss of a run that diverged, keeps no limit.
    """

    text: str
    values: Sequence[float]
    relation: Relation
    limit: float

    @property
    def measured(self) -> float:
        """The worst of the values."""
        if unlike := list(filter(math.isnan, self.values)):
            return unlike[0]
        if self.relation == "==":
            return max(self.values, key=lambda value: abs(value - self.limit))
        return max(self.values) if self.relation == "<=" else min(self.values)

    @property
    def holds(self) -> bool:
        kept = {"<=": self.measured <= self.limit, ">=": self.measured >= self.limit}
        return kept.get(self.relation, self.measured == self.limit)

    def told(self) -> dict[str, Any]:
        values = [float(value) for value in self.values]  # of numpy, perhaps, which JSON does not know
        numbers = {"measured": float(self.measured), "relation": self.relation, "limit": float(self.limit)}
        return {"claim": self.text, **numbers, "holds": bool(self.holds), "values": values}


class Lesson(ABC):
    """A choice of the group `lesson`; its keys are the constructor's arguments."""

    @abstractmethod
    def show(self, bench: "LessonRunner") -> list[Claim]:
        """Train on the bench, draw `bench.picture`, and tell what must come out."""


Scores = dict[str, Any]
QUIET = ("trainer.accelerator=cpu", "report.picture=false")


@dataclass(frozen=True)
class LessonRun:
    """rows: the history, epoch 0 first. scores: as in scores.json, of the best epoch."""

    folder: Path
    config: DictConfig
    rows: list[Row]
    scores: Scores

    def column(self, name: str) -> list[float]:
        """A score of the history, such as loss/val, by epoch."""
        return [row[name] for row in self.rows]

    def path(self) -> np.ndarray:
        """(P, num_parameters): the weights by epoch, of a run with report.trajectory=true."""
        weights: np.ndarray = np.load(self.folder / "trajectory.npz")["weights"]
        return weights

    def splits(self) -> Splits:
        return build_splits(self.config)

    def learner(self, checkpoint: str = "best") -> Learner:
        """In evaluation mode, as it was at the best epoch or at the last."""
        path = self.folder / "checkpoints" / f"{checkpoint}.ckpt"
        return load_learner(read_checkpoint(path), path, self.config)

    def fresh(self) -> Learner:
        """In evaluation mode, before its first update."""
        splits = self.splits()
        with torch.random.fork_rng(devices=[]):
            lightning.seed_everything(self.config.seed, verbose=False)
            return build_learner(self.config, splits).eval()


class LessonRunner:
    """folder: of the lesson. picture: where its picture goes.

    train, resume: what the doors of these names do. say: told before each run that is trained.
    """

    def __init__(
        self,
        folder: Path,
        train: Callable[[DictConfig], Scores],
        resume: Callable[[Path], Scores],
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.folder = folder
        self.picture = folder / "picture.png"
        self._train = train
        self._resume = resume
        self._say = say

    def run(self, name: str, *overrides: str) -> LessonRun:
        """Train as `python scripts/train.py OVERRIDES` does, on a CPU; or go on where a run was stopped.

        name: of the folder, to which a digest of the configuration is added: another one is another run.
        Raises Mistake for a wrong override, Failure where the run fails.
        """
        config = configure(*QUIET, *overrides)
        config.run_dir = str(self._folder(name, config))
        folder = Path(config.run_dir)
        scores = folder / "scores.json"
        if not scores.exists():
            self._say(f"{name}: {' '.join(overrides)}")
            if (folder / "config.yaml").exists():
                self._resume(folder)
            else:
                self._train(config)
        return LessonRun(folder, config, read_history(folder / "history.csv"), json.loads(scores.read_text()))

    def fails(self, name: str, *overrides: str) -> str:
        """Why a run that must fail, such as one that diverges, does; the empty text where it does not."""
        config = configure(*QUIET, *overrides)
        config.run_dir = str(self._folder(name, config))
        kept = Path(config.run_dir, "failure.txt")
        if not kept.exists():
            self._say(f"{name}: {' '.join(overrides)}")
            try:
                self._train(config)
            except RunError as failure:
                kept.write_text(f"{failure}\n")
            else:
                return ""
        return kept.read_text().strip()

    def _folder(self, name: str, config: DictConfig) -> Path:
        settings = {key: value for key, value in to_plain(config).items() if key not in ("run_dir", "sweep")}
        versions = [mlplab.__version__, torch.__version__, lightning.__version__]
        digest = blake2b(json.dumps([settings, versions], sort_keys=True).encode(), digest_size=4).hexdigest()
        return self.folder / "runs" / f"{name}_{digest}"


Runs = Sequence[LessonRun]


def with_seeds(seed: int) -> tuple[str, str]:
    """Start, order of batches and split."""
    return f"seed={seed}", f"data.split_seed={seed}"


def curves(runs: Runs, name: str) -> np.ndarray:
    """(runs, epochs + 1): a score of the history."""
    return np.array([run.column(name) for run in runs])


def final_value(runs: Runs, name: str, epoch: int = -1) -> list[float]:
    """A score of the history, of the last epoch where no other is named."""
    return [run.rows[epoch][name] for run in runs]


def lowest_value(runs: Runs, name: str) -> list[float]:
    return [min(run.column(name)) for run in runs]


def best_score(runs: Runs, name: str) -> list[float]:
    """Of scores.json: at the best epoch."""
    return [float(run.scores[name]) for run in runs]


def ratio(of: Sequence[float], to: Sequence[float]) -> list[float]:
    return [one / other for one, other in zip(of, to, strict=True)]
