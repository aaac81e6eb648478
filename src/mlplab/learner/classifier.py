"""Classes: softmax over one output a class."""

from typing import Any

import torch
from torch import Tensor, nn
from torchmetrics import MetricCollection
from torchmetrics.classification import (
    MulticlassAccuracy,
    MulticlassF1Score,
    MulticlassPrecision,
    MulticlassRecall,
)

from mlplab.learner.learner import Learner, of_one_batch
from mlplab.loss.on_probabilities import OnProbabilities


class Classifier(Learner):
    """Target (N,) int64; predictions (N, num_classes) probabilities. loss: ce, or mse and mae on one-hot targets."""

    def __init__(self, network: nn.Module, loss: nn.Module, num_classes: int, **rest: Any) -> None:
        one_hot = isinstance(loss, nn.MSELoss | nn.L1Loss)
        super().__init__(network, OnProbabilities(loss, nn.Softmax(dim=1)) if one_hot else loss, **rest)
        self.num_classes = num_classes
        self._form = self._one_hot if one_hot else self._index
        self.collection = MetricCollection(
            {
                "accuracy": MulticlassAccuracy(num_classes, average="micro", validate_args=False),
                "precision": MulticlassPrecision(num_classes, average="macro", validate_args=False),
                "recall": MulticlassRecall(num_classes, average="macro", validate_args=False),
                "f1": MulticlassF1Score(num_classes, average="macro", validate_args=False),
            }
        )

    def encode(self, target: Tensor) -> Tensor:
        return self._form(target)

    def decode(self, output: Tensor) -> Tensor:
        return output.softmax(dim=1)

    def metrics(self, predictions: Tensor, target: Tensor) -> dict[str, Tensor]:
        return of_one_batch(self.collection, predictions, target)

    def baseline(self, target: Tensor) -> Tensor:
        shares = torch.bincount(target, minlength=self.num_classes).to(self.dtype) / len(target)
        return shares.log()[None]

    def choose(self, predictions: Tensor) -> Tensor:
        return predictions.argmax(dim=1)

    def _one_hot(self, target: Tensor) -> Tensor:
        return nn.functional.one_hot(target, self.num_classes).to(self.dtype)

    def _index(self, target: Tensor) -> Tensor:
        return target
