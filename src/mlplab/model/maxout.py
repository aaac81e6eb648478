"""Maxout networks (Goodfellow et al., 2013, arXiv:1302.4389)."""

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn

from mlplab.model.network import Network


class MaxoutLayer(nn.Module):
    """Maximum of `pieces` linear functions for each unit: (N, in_features) -> (N, out_features)."""

    def __init__(self, in_features: int, out_features: int, pieces: int) -> None:
        super().__init__()
        self.pieces = pieces
        self.linear = nn.Linear(in_features, out_features * pieces)

    def forward(self, features: Tensor) -> Tensor:
        return self.linear(features).unflatten(-1, (-1, self.pieces)).amax(dim=-1)


class Maxout(Network):
    """MLP whose activation is learned: each hidden unit is the maximum of `pieces` linear functions."""

    def __init__(
        self,
        in_features: int,
        out_features: int,
        hidden_features: Sequence[int] = (64, 32),
        pieces: int = 2,
        dropout: float = 0.0,
        initialisation: str = "default",
        output_activation: str = "linear",
        standardise: bool = True,
    ) -> None:
        layers: list[nn.Module] = []
        for before, after in pairwise([in_features, *hidden_features]):
            layers.append(MaxoutLayer(before, after, pieces))
            if dropout:
                layers.append(nn.Dropout(dropout))
        layers.append(nn.Linear([in_features, *hidden_features][-1], out_features))
        super().__init__(in_features, nn.Sequential(*layers), output_activation, standardise, initialisation)
