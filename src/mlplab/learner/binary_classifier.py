"""Two classes: one output, sigmoid, a threshold."""

from typing import Any

import numpy as np
from torch import Tensor, nn
from torchmetrics import MetricCollection
from torchmetrics.classification import BinaryAccuracy, BinaryAUROC, BinaryF1Score, BinaryPrecision, BinaryRecall

from mlplab.learner.learner import Learner, of_one_batch
from mlplab.loss.on_probabilities import OnProbabilities


class BinaryClassifier(Learner):
    """Target (N,) int64 of 0 and 1; predictions (N,) probabilities of class 1, class 1 at `threshold` and above.

    loss: bce, or mse and mae on the probability.
    """

    def __init__(self, network: nn.Module, loss: nn.Module, threshold: float = 0.5, **rest: Any) -> None:
        on_probabilities = isinstance(loss, nn.MSELoss | nn.L1Loss)
        super().__init__(network, OnProbabilities(loss, nn.Sigmoid()) if on_probabilities else loss, **rest)
        self.threshold = threshold
        above = float(np.nextafter(np.float32(threshold), np.float32(0)))  # torchmetrics decides by >, not >=
        self.collection = MetricCollection(
            {
                "accuracy": BinaryAccuracy(above, validate_args=False),
                "precision": BinaryPrecision(above, validate_args=False),
                "recall": BinaryRecall(above, validate_args=False),
                "f1": BinaryF1Score(above, validate_args=False),
                "auroc": BinaryAUROC(validate_args=False),
            }
        )

    def encode(self, target: Tensor) -> Tensor:
        return target[:, None].to(self.dtype)

    def decode(self, output: Tensor) -> Tensor:
        return output.squeeze(1).sigmoid()

    def metrics(self, predictions: Tensor, target: Tensor) -> dict[str, Tensor]:
        return of_one_batch(self.collection, predictions, target)

    def baseline(self, target: Tensor) -> Tensor:
        return target.to(self.dtype).mean().logit().clamp(-50, 50)[None, None]  # finite also where one class is missing

    def choose(self, predictions: Tensor) -> Tensor:
        return (predictions >= self.threshold).long()
