"""Multiclass classification: one output per class, softmax."""

import math
from typing import Any

import torch
from torch import Tensor, nn

from mlplab.learner.learner import Learner
from mlplab.learner.losses import OnProbabilities
from mlplab.learner.metrics import confusion_matrix, macro_scores


class Classifier(Learner):
    """Target (N,) int64; predictions (N, num_classes) probabilities. loss: ce, or mse and mae on one-hot targets."""

    def __init__(self, network: nn.Module, loss: nn.Module, num_classes: int, **rest: Any) -> None:
        one_hot = isinstance(loss, nn.MSELoss | nn.L1Loss)
        super().__init__(network, OnProbabilities(loss, nn.Softmax(dim=1)) if one_hot else loss, **rest)
        self.num_classes = num_classes
        self._one_hot_targets = one_hot

    def encode(self, target: Tensor) -> Tensor:
        if not self._one_hot_targets:
            return target
        return nn.functional.one_hot(target, self.num_classes).to(self.dtype)

    def decode(self, output: Tensor) -> Tensor:
        return output.softmax(dim=1)

    def metrics(self, predictions: Tensor, target: Tensor) -> dict[str, Tensor]:
        return macro_scores(confusion_matrix(self.choose(predictions), target, self.num_classes))

    def baseline(self, target: Tensor) -> Tensor:
        fractions = torch.bincount(target, minlength=self.num_classes).to(self.dtype) / len(target)
        return fractions.log()[None]

    @staticmethod
    def combine(outputs: Tensor) -> Tensor:
        return outputs.log_softmax(dim=2).logsumexp(dim=0) - math.log(len(outputs))

    def choose(self, predictions: Tensor) -> Tensor:
        return predictions.argmax(dim=1)
