"""Records the weights after each epoch, to draw the path of the training."""

from itertools import compress
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning import Callback, LightningModule, Trainer
from torch.nn.utils import parameters_to_vector

from mlplab import files
from mlplab.learner.learner import Learner

MAX_POINTS = 1024
MAX_NUMBERS = 2_000_000  # 8 MB of float32, also in each checkpoint


class WeightTrajectory(Callback):
    """Writes trajectory.npz at the end of training: `epochs` (P,), `weights` (P, num_parameters) in the order of
    `parameters_to_vector`.

    Records every epoch at first, later every second, fourth, ..., so that there are at most 1024 points and 2 million
    numbers, but at least 16 points.
    """

    state_key = "Trajectory"  # part of the file format: it does not follow the name of the class

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.epochs: list[int] = []
        self.weights: list[torch.Tensor] = []
        self.dense = MAX_POINTS  # every epoch up to this one is recorded

    def on_train_start(self, trainer: Trainer, learner: LightningModule) -> None:
        if not self.epochs:
            self._record(0, learner)

    def on_train_epoch_end(self, trainer: Trainer, learner: LightningModule) -> None:
        self._record(trainer.current_epoch + 1, learner)

    def on_train_end(self, trainer: Trainer, learner: LightningModule) -> None:
        if self.epochs[-1] != trainer.current_epoch:  # counted from 1 here; the end of the path is always recorded
            self._append(trainer.current_epoch, learner)
        with files.open_atomic(self.path) as file:
            np.savez(file, epochs=np.array(self.epochs), weights=torch.stack(self.weights).numpy())

    def state_dict(self) -> dict[str, Any]:
        return {"epochs": self.epochs, "weights": self.weights, "dense": self.dense}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.epochs, self.weights = list(state["epochs"]), list(state["weights"])
        self.dense = state["dense"] if "dense" in state else MAX_POINTS // state["stride"]  # stride: in format 3

    def _record(self, epoch: int, learner: LightningModule) -> None:
        if epoch % thinning_stride(epoch, self.dense):
            return
        self._append(epoch, learner)
        limit = max(16, min(MAX_POINTS, MAX_NUMBERS // self.weights[0].numel()))
        while len(self.epochs) > limit and self.dense > 1:
            self.dense //= 2
            kept = [epoch % thinning_stride(epoch, self.dense) == 0 for epoch in self.epochs]
            self.epochs = list(compress(self.epochs, kept))
            self.weights = list(compress(self.weights, kept))

    def _append(self, epoch: int, learner: LightningModule) -> None:
        assert isinstance(learner, Learner)
        self.epochs.append(epoch)
        self.weights.append(parameters_to_vector(learner.network.parameters()).detach().cpu().clone())


def thinning_stride(epoch: int, dense: int) -> int:
    """Returns the epochs between two records: 1 up to epoch `dense`, 2 up to 2 * dense, 4 up to 4 * dense, ..."""
    return 2 ** ((max(epoch, 1) - 1) // dense).bit_length()
