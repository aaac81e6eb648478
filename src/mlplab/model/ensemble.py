"""Several networks as one, whose output stands for the mean of their predictions."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn


class Ensemble(nn.Module):
    """(N, in_features) -> (N, out_features). combine: raw outputs (K, N, out_features) -> (N, out_features)."""

    def __init__(self, networks: Sequence[nn.Module], combine: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.networks = nn.ModuleList(networks)
        self.combine = combine

    def forward(self, features: Tensor) -> Tensor:
        outputs = torch.stack([network(features) for network in self.networks])
        return self.combine(outputs.to(torch.promote_types(outputs.dtype, torch.float32)))
