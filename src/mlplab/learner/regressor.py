"""Values: one linear output a target, trained on scaled targets, predicting in the target's own unit."""

from typing import Any

import torch
from torch import Tensor, nn
from torchmetrics.functional import mean_absolute_error, mean_squared_error

from mlplab.errors import UserError
from mlplab.learner.learner import Learner


class Regressor(Learner):
    """Target and predictions (N, num_targets). loss: mse, mae, rmse, huber, in the scaled target.

    target_scaling: standard (mean 0, sd 1), minmax (0..1) or none; learned by `learn_target`, kept as buffers.
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
        self._learned = target_scaling == "none"
        self.register_buffer("shift", torch.zeros(num_targets))
        self.register_buffer("factor", torch.ones(num_targets))

    def on_fit_start(self) -> None:
        if not self._learned:
            scaling = f"target_scaling={self.target_scaling}"
            raise UserError(f"Regressor: {scaling} needs learn_target(training targets) before fit, or choose none")

    def learn_target(self, target: Tensor) -> None:
        self._learned = True
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
        predictions, target = _precise(predictions), _precise(target)
        squared = mean_squared_error(predictions, target)
        absolute = mean_absolute_error(predictions, target)
        return {"mse": squared, "rmse": squared.sqrt(), "mae": absolute, "r2": _r2(predictions, target)}

    def baseline(self, target: Tensor) -> Tensor:
        return self.encode(target).mean(dim=0, keepdim=True)

    @staticmethod
    def combine(outputs: Tensor) -> Tensor:
        return outputs.mean(dim=0)


def _r2(predictions: Tensor, target: Tensor) -> Tensor:
    """Mean over targets of 1 - residual / total sum of squares; of a constant target 1 if met, else 0.

    torchmetrics takes a residual below 1e-4 for none, whatever the unit, and refuses a single row.
    """
    residual = (predictions - target).square().sum(dim=0)
    total = (target - target.mean(dim=0)).square().sum(dim=0)
    return torch.where(total > 0, 1 - residual / total, (residual == 0).to(total.dtype)).mean()


def _precise(values: Tensor) -> Tensor:
    """In float32 the sums of squares behind R2 cancel when values are large; MPS has no float64."""
    return values if values.device.type == "mps" else values.double()
