"""Where a lesson trains: run folders as of any other run; one that has finished is not trained again."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

import lightning
import numpy as np
import torch
from omegaconf import DictConfig

import mlplab
from mlplab.config.compose import configure
from mlplab.config.tree import plain
from mlplab.data.splits import Splits
from mlplab.errors import Failure
from mlplab.learner.learner import Learner
from mlplab.run.build import build_learner, build_splits
from mlplab.run.load import read_checkpoint, rebuild
from mlplab.trainer.history import Row, read

Scores = dict[str, Any]
QUIET = ("trainer.accelerator=cpu", "report.picture=false")


@dataclass(frozen=True)
class Run:
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
        return rebuild(read_checkpoint(path), path, self.config)

    def fresh(self) -> Learner:
        """In evaluation mode, before its first update."""
        splits = self.splits()
        with torch.random.fork_rng(devices=[]):
            lightning.seed_everything(self.config.seed, verbose=False)
            return build_learner(self.config, splits).eval()


class Bench:
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

    def run(self, name: str, *overrides: str) -> Run:
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
        return Run(folder, config, read(folder / "history.csv"), json.loads(scores.read_text()))

    def fails(self, name: str, *overrides: str) -> str:
        """Why a run that must fail, such as one that diverges, does; the empty text where it does not."""
        config = configure(*QUIET, *overrides)
        config.run_dir = str(self._folder(name, config))
        kept = Path(config.run_dir, "failure.txt")
        if not kept.exists():
            self._say(f"{name}: {' '.join(overrides)}")
            try:
                self._train(config)
            except Failure as failure:
                kept.write_text(f"{failure}\n")
            else:
                return ""
        return kept.read_text().strip()

    def _folder(self, name: str, config: DictConfig) -> Path:
        settings = {key: value for key, value in plain(config).items() if key not in ("run_dir", "sweep")}
        versions = [mlplab.__version__, torch.__version__, lightning.__version__]
        digest = blake2b(json.dumps([settings, versions], sort_keys=True).encode(), digest_size=4).hexdigest()
        return self.folder / "runs" / f"{name}_{digest}"
