"""Binary classification: one output, sigmoid, a decision threshold."""

from typing import Any

from torch import Tensor, nn
from torch.nn.functional import logsigmoid
from torchmetrics.functional.classification import binary_auroc

from mlplab.learner.learner import Learner
from mlplab.learner.losses import OnProbabilities
from mlplab.learner.metrics import confusion_matrix, positive_class_scores


class BinaryClassifier(Learner):
    """Target (N,) int64 with values 0 and 1; predictions (N,) probabilities of class 1.

    loss: bce, or mse and mae on the probability. A probability of `threshold` and above predicts class 1.
    """

    def __init__(self, network: nn.Module, loss: nn.Module, threshold: float = 0.5, **rest: Any) -> None:
        on_probabilities = isinstance(loss, nn.MSELoss | nn.L1Loss)
        super().__init__(network, OnProbabilities(loss, nn.Sigmoid()) if on_probabilities else loss, **rest)
        self.threshold = threshold

    def encode(self, target: Tensor) -> Tensor:
        return target[:, None].to(self.dtype)

    def decode(self, output: Tensor) -> Tensor:
        return output.squeeze(1).sigmoid()

    def metrics(self, predictions: Tensor, target: Tensor) -> dict[str, Tensor]:
        matrix = confusion_matrix(self.choose(predictions), target, 2)
        auroc = binary_auroc(predictions, target, validate_args=False)
        return {**positive_class_scores(matrix), "auroc": auroc.clamp(max=1.0)}

    def baseline(self, target: Tensor) -> Tensor:
        return target.to(self.dtype).mean().logit().clamp(-50, 50)[None, None]  # finite if one class is missing

    @staticmethod
    def combine(outputs: Tensor) -> Tensor:
        """Returns the logit of the mean probability, computed from logarithms: a mean that rounds to 1 has no finite
        logit."""
        return logsigmoid(outputs).logsumexp(dim=0) - logsigmoid(-outputs).logsumexp(dim=0)

    def choose(self, predictions: Tensor) -> Tensor:
        return (predictions >= self.threshold).long()
