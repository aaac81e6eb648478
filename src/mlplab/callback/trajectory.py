"""The weights after each epoch, for pictures of the path that training took."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning import Callback, Trainer
from torch.nn.utils import parameters_to_vector

from mlplab import atomic

MOST_POINTS = 1024
MOST_NUMBERS = 2_000_000  # 8 MB of float32, and as much again in each checkpoint of the run


class Trajectory(Callback):
    """Writes trajectory.npz where training ends: `epochs` (P,) from 0 on, `weights` (P, num_parameters) float64 or
    float32, as `parameters_to_vector` orders them.

    Every epoch, or every second, fourth, ... so that no more than 1024 points and 2 million numbers are kept, of a
    large net 16 points.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.epochs: list[int] = []
        self.weights: list[torch.Tensor] = []
        self.stride = 1

    def on_train_start(self, trainer: Trainer, learner: Any) -> None:
        if not self.epochs:
            self._keep(0, learner)

    def on_train_epoch_end(self, trainer: Trainer, learner: Any) -> None:
        self._keep(trainer.current_epoch + 1, learner)

    def on_train_end(self, trainer: Trainer, learner: Any) -> None:
        if self.epochs[-1] != trainer.current_epoch:  # by now counted from 1; the end of the path is always there
            self.epochs.append(trainer.current_epoch)
            self.weights.append(_weights(learner))
        with atomic.writing(self.path) as file:
            np.savez(file, epochs=np.array(self.epochs), weights=torch.stack(self.weights).numpy())

    def state_dict(self) -> dict[str, Any]:
        return {"epochs": self.epochs, "weights": self.weights, "stride": self.stride}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.epochs, self.weights, self.stride = list(state["epochs"]), list(state["weights"]), state["stride"]

    def _keep(self, epoch: int, learner: Any) -> None:
        if epoch % self.stride:
            return
        self.epochs.append(epoch)
        self.weights.append(_weights(learner))
        most = max(16, min(MOST_POINTS, MOST_NUMBERS // self.weights[0].numel()))
        if len(self.epochs) > most:
            self.stride *= 2
            kept = [place for place, at in enumerate(self.epochs) if at % self.stride == 0]
            self.epochs = [self.epochs[place] for place in kept]
            self.weights = [self.weights[place] for place in kept]


def _weights(learner: Any) -> torch.Tensor:
    return parameters_to_vector(learner.network.parameters()).detach().cpu().clone()
