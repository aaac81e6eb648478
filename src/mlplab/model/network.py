"""Base class of all networks (raw features in, raw outputs out), and an ensemble of networks."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from mlplab.model.layers import InputScaler, initialise_weights, lookup

OUTPUT_ACTIVATIONS: dict[str, type[nn.Module]] = {
    "linear": nn.Identity,
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    "softplus": nn.Softplus,
}


class Network(nn.Module):
    """Scales features, then applies `body` and an output activation: (N, in_features) -> (N, out_features)."""

    def __init__(
        self,
        in_features: int,
        body: nn.Module,
        output_activation: str,
        standardise: bool,
        initialisation: str = "default",
    ) -> None:
        super().__init__()
        self.scale = InputScaler(in_features, standardise)
        self.body = body
        self.output_activation = lookup("output_activation", output_activation, OUTPUT_ACTIVATIONS)()
        initialise_weights(body, initialisation)

    def forward(self, features: Tensor) -> Tensor:
        return self.of_scaled(self.scale(features))

    def of_scaled(self, features: Tensor) -> Tensor:
        """Returns raw outputs of features that are scaled already."""
        output: Tensor = self.output_activation(self.body(features))
        return output


class Ensemble(nn.Module):
    """Combines the raw outputs of K networks: (N, in_features) -> (N, out_features).

    combine: raw outputs (K, N, out_features) -> (N, out_features).
    """

    def __init__(self, networks: Sequence[nn.Module], combine: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.networks = nn.ModuleList(networks)
        self.combine = combine

    def forward(self, features: Tensor) -> Tensor:
        outputs = torch.stack([network(features) for network in self.networks])
        return self.combine(outputs.to(torch.promote_types(outputs.dtype, torch.float32)))
