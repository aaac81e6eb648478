"""A linear layer whose units' incoming weights stay short; torch has `renorm`, but only Embedding applies it."""

import torch
from torch import Tensor, nn


class MaxNormLinear(nn.Linear):
    """Before each forward pass a unit's weights longer than max_norm (L2) are scaled down to it, in place."""

    def __init__(self, in_features: int, out_features: int, max_norm: float) -> None:
        super().__init__(in_features, out_features)
        self.max_norm = max_norm

    def forward(self, input: Tensor) -> Tensor:
        with torch.no_grad():
            self.weight.renorm_(p=2, dim=0, maxnorm=self.max_norm)
        return super().forward(input)
