"""Scaling learned from training rows, kept as buffers of the network."""

import torch
from torch import Tensor, nn


class Scale(nn.Module):
    """(N, in_features) numbers or uint8 pixels -> (N, in_features) floats: (x - shift) * factor.

    Before `learn` it changes nothing. Numbers are standardised by column, pixels by one mean and sd of all of them;
    with standardise=False numbers stay as they are and pixels become 0..1. A constant column becomes 0.
    """

    shift: Tensor
    factor: Tensor

    def __init__(self, in_features: int, standardise: bool = True) -> None:
        super().__init__()
        self.standardise = standardise
        self.register_buffer("shift", torch.zeros(in_features))
        self.register_buffer("factor", torch.ones(in_features))

    def forward(self, features: Tensor) -> Tensor:
        return (features.flatten(1).to(self.shift.dtype) - self.shift).mul_(self.factor)

    def learn(self, features: Tensor) -> None:
        """From the training rows alone."""
        pixels = features.dtype == torch.uint8
        if not self.standardise:
            self.factor.fill_(1 / 255 if pixels else 1.0)
            return
        mean, sd = _pixel_moments(features) if pixels else _column_moments(features)
        self.shift.copy_(mean)
        self.factor.copy_(1 / sd)


def _column_moments(features: Tensor) -> tuple[Tensor, Tensor]:
    columns = features.flatten(1).double()
    mean = columns.mean(dim=0)
    sd = columns.std(dim=0, correction=0)
    constant = sd <= 1e-7 * columns.abs().amax(dim=0)
    return mean, torch.where(constant, torch.ones_like(sd), sd)


def _pixel_moments(features: Tensor) -> tuple[Tensor, Tensor]:
    """By counting: no float copy of the images."""
    counts = torch.bincount(features.flatten(), minlength=256).double()
    level = torch.arange(256, dtype=torch.float64)
    mean = (counts * level).sum() / counts.sum()
    variance = (counts * (level - mean) ** 2).sum() / counts.sum()
    return mean, variance.sqrt() if variance > 0 else torch.tensor(255.0)
