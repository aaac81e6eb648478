"""The weights after each epoch, for pictures of the path that training took."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning import Callback, Trainer
from torch.nn.utils import parameters_to_vector

from mlplab import files

MAX_POINTS = 1024
MAX_NUMBERS = 2_000_000  # 8 MB of float32, and as much again in each checkpoint of the run


class WeightTrajectory(Callback):
    """Writes trajectory.npz where training ends: `epochs` (P,) from 0 on, `weights` (P, num_parameters) float64 or
    float32, as `parameters_to_vector` orders them.

    Every epoch, but of a long path or a large net only so many of the first ones, then every second, fourth, ... as the
    steps grow small: no more than 1024 points and 2 million numbers are kept, of a large net 16 points.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.epochs: list[int] = []
        self.weights: list[torch.Tensor] = []
        self.dense = MAX_POINTS  # epochs from the first on that are all kept

    def on_train_start(self, trainer: Trainer, learner: Any) -> None:
        if not self.epochs:
            self._keep(0, learner)

    def on_train_epoch_end(self, trainer: Trainer, learner: Any) -> None:
        self._keep(trainer.current_epoch + 1, learner)

    def on_train_end(self, trainer: Trainer, learner: Any) -> None:
        if self.epochs[-1] != trainer.current_epoch:  # by now counted from 1; the end of the path is always there
            self.epochs.append(trainer.current_epoch)
            self.weights.append(_weights(learner))
        with files.open_atomic(self.path) as file:
            np.savez(file, epochs=np.array(self.epochs), weights=torch.stack(self.weights).numpy())

    def state_dict(self) -> dict[str, Any]:
        return {"epochs": self.epochs, "weights": self.weights, "dense": self.dense}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.epochs, self.weights = list(state["epochs"]), list(state["weights"])
        self.dense = state["dense"] if "dense" in state else MAX_POINTS // state["stride"]  # stride: in format 3

    def _keep(self, epoch: int, learner: Any) -> None:
        if not _is_kept(epoch, self.dense):
            return
        self.epochs.append(epoch)
        self.weights.append(_weights(learner))
        most = max(16, min(MAX_POINTS, MAX_NUMBERS // self.weights[0].numel()))
        while len(self.epochs) > most and self.dense > 1:
            self.dense //= 2
            kept = [place for place, at in enumerate(self.epochs) if _is_kept(at, self.dense)]
            self.epochs = [self.epochs[place] for place in kept]
            self.weights = [self.weights[place] for place in kept]


def _is_kept(epoch: int, dense: int) -> bool:
    """All up to `dense`, every second up to twice as many, every fourth up to four times as many, ..."""
    doublings = (-(-epoch // dense) - 1).bit_length() if epoch else 0
    return epoch % 2**doublings == 0


def _weights(learner: Any) -> torch.Tensor:
    return parameters_to_vector(learner.network.parameters()).detach().cpu().clone()
