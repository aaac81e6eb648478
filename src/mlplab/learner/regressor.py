"""Regression: one output per target, trained on scaled targets, predictions in the unit of the target."""

from typing import Any

import torch
from torch import Tensor, nn

from mlplab.errors import UserError
from mlplab.learner.learner import Learner
from mlplab.learner.metrics import regression_scores


class Regressor(Learner):
    """Target and predictions (N, num_targets). loss: mse, mae, rmse or huber, of the scaled target.

    target_scaling: standard (mean 0, standard deviation 1), minmax (0 to 1) or none; fitted by `learn_target` and
    saved as buffers.
    """

    shift: Tensor
    factor: Tensor

    def __init__(
        self, network: nn.Module, loss: nn.Module, num_targets: int = 1, target_scaling: str = "standard", **rest: Any
    ) -> None:
        if target_scaling not in ("standard", "minmax", "none"):
            raise UserError(f"learner.target_scaling={target_scaling}: one of standard, minmax, none")
        super().__init__(network, loss, **rest)
        self.target_scaling = target_scaling
        self._is_fitted = target_scaling == "none"
        self.register_buffer("shift", torch.zeros(num_targets))
        self.register_buffer("factor", torch.ones(num_targets))

    def on_fit_start(self) -> None:
        if not self._is_fitted:
            scaling = f"target_scaling={self.target_scaling}"
            raise UserError(f"Regressor: {scaling} needs learn_target(training targets) before fit, or choose none")

    def learn_target(self, target: Tensor) -> None:
        self._is_fitted = True
        values = target.double()
        if self.target_scaling == "standard":
            shift, factor = values.mean(dim=0), values.std(dim=0, correction=0)
        elif self.target_scaling == "minmax":
            shift, factor = values.amin(dim=0), values.amax(dim=0) - values.amin(dim=0)
        else:
            return
        self.shift.copy_(shift)
        self.factor.copy_(torch.where(factor > 1e-7 * values.abs().amax(dim=0), factor, torch.ones_like(factor)))

    def encode(self, target: Tensor) -> Tensor:
        return (target - self.shift) / self.factor

    def decode(self, output: Tensor) -> Tensor:
        return output * self.factor + self.shift

    def metrics(self, predictions: Tensor, target: Tensor) -> dict[str, Tensor]:
        return regression_scores(predictions, target)

    def baseline(self, target: Tensor) -> Tensor:
        return self.encode(target).mean(dim=0, keepdim=True)

    @staticmethod
    def combine(outputs: Tensor) -> Tensor:
        return outputs.mean(dim=0)
