"""Losses that torch lacks: mse and mae between probabilities and one-hot targets, root mean squared error."""

import torch
from torch import Tensor, nn


class OnProbabilities(nn.Module):
    """loss(activation(output), target); the classification losses of torch take raw outputs only."""

    def __init__(self, loss: nn.Module, activation: nn.Module) -> None:
        super().__init__()
        self.loss = loss
        self.activation = activation

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        value: Tensor = self.loss(self.activation(output), target)
        return value


class RootMeanSquaredError(nn.Module):
    """sqrt(mean((output - target)^2)) over all entries. At zero error the gradient is defined as 0."""

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        squared = nn.functional.mse_loss(output, target)
        # the derivative of sqrt is infinite at 0, and infinity times 0 is NaN
        return torch.where(squared == 0, 1.0, squared).sqrt() * (squared != 0)
