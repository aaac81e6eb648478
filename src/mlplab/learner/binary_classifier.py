"""Two classes: one output, sigmoid, a threshold."""

from typing import Any

from torch import Tensor, nn
from torch.nn.functional import logsigmoid
from torchmetrics.functional.classification import binary_auroc

from mlplab.learner.learner import Learner
from mlplab.learner.losses import OnProbabilities
from mlplab.learner.metrics import confusion_matrix, positive_class_scores


class BinaryClassifier(Learner):
    """Target (N,) int64 of 0 and 1; predictions (N,) probabilities of class 1, class 1 at `threshold` and above.

    loss: bce, or mse and mae on the probability.
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
        decided = (predictions >= self.threshold).long()
        auroc = binary_auroc(predictions, target, validate_args=False)
        return {**positive_class_scores(confusion_matrix(decided, target, 2)), "auroc": auroc.clamp(max=1.0)}

    def baseline(self, target: Tensor) -> Tensor:
        return target.to(self.dtype).mean().logit().clamp(-50, 50)[None, None]  # finite also where one class is missing

    @staticmethod
    def combine(outputs: Tensor) -> Tensor:
        """The logit of the mean probability, by logarithms of both shares: a mean that rounds to 1 has none."""
        yes, no = logsigmoid(outputs).logsumexp(dim=0), logsigmoid(-outputs).logsumexp(dim=0)
        return yes - no

    def choose(self, predictions: Tensor) -> Tensor:
        return (predictions >= self.threshold).long()
