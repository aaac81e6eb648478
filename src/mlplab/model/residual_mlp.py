"""An MLP with skip connections (Gorishniy et al., Revisiting Deep Learning Models for Tabular Data, 2021,
arXiv:2106.11959)."""

from collections.abc import Callable

from torch import Tensor, nn

from mlplab.model.layers import normalisation_layer
from mlplab.model.network import Network


class ResidualBlock(nn.Module):
    """x + dropout(linear(dropout(activation(linear(normalise(x)))))), (N, features) -> (N, features)."""

    def __init__(
        self, features: int, inner: int, activation: Callable[[], nn.Module], dropout: float, normalisation: str
    ) -> None:
        super().__init__()
        self.branch = nn.Sequential(
            *normalisation_layer(normalisation, features),
            nn.Linear(features, inner),
            activation(),
            nn.Dropout(dropout),
            nn.Linear(inner, features),
            nn.Dropout(dropout),
        )

    def forward(self, features: Tensor) -> Tensor:
        return features + self.branch(features)


class ResidualMLP(Network):
    """num_blocks residual blocks of `width` units, each with an inner layer of expansion * width units."""

    def __init__(
        self,
        in_features: int,
        out_features: int,
        width: int = 64,
        num_blocks: int = 3,
        expansion: int = 2,
        activation: Callable[[], nn.Module] = nn.ReLU,
        dropout: float = 0.0,
        normalisation: str = "batch",
        initialisation: str = "default",
        output_activation: str = "linear",
        standardise: bool = True,
    ) -> None:
        blocks = [
            ResidualBlock(width, expansion * width, activation, dropout, normalisation) for _ in range(num_blocks)
        ]
        head = [*normalisation_layer(normalisation, width), activation(), nn.Linear(width, out_features)]
        body = nn.Sequential(nn.Linear(in_features, width), *blocks, *head)
        super().__init__(in_features, body, output_activation, standardise, initialisation)
