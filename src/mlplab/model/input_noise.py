"""Noise on what a network is given, while it trains; torch has a layer for dropout only."""

import torch
from torch import Tensor, nn


class InputNoise(nn.Module):
    """Adds a normal draw of sd `sd`, a new one each pass, in training only: rows are seen as scattered about their
    place (Bishop, 1995, doi:10.1162/neco.1995.7.1.108)."""

    def __init__(self, sd: float) -> None:
        super().__init__()
        self.sd = sd

    def forward(self, features: Tensor) -> Tensor:
        return features + self.sd * torch.randn_like(features) if self.training else features
