"""Parts of networks: input scaling and noise, normalisation, max norm, initialisation."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from mlplab.errors import UserError


class InputScaler(nn.Module):
    """Scales numbers or uint8 pixels: (N, ...) -> (N, in_features) floats, (x - shift) * factor.

    Numbers are standardised by column, pixels by the mean and standard deviation of all pixels. With
    standardise=False numbers are not changed and pixels are scaled to 0..1. A constant column becomes 0. Before `learn`
    nothing is scaled.
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
        """Fits shift and factor to the training rows."""
        is_pixels = features.dtype == torch.uint8
        if not self.standardise:
            self.factor.fill_(1 / 255 if is_pixels else 1.0)
            return
        mean, std = _pixel_moments(features) if is_pixels else _column_moments(features)
        self.shift.copy_(mean)
        self.factor.copy_(1 / std)


def _column_moments(features: Tensor) -> tuple[Tensor, Tensor]:
    columns = features.flatten(1).double()
    mean = columns.mean(dim=0)
    std = columns.std(dim=0, correction=0)
    constant = std <= 1e-7 * columns.abs().amax(dim=0)
    return mean, torch.where(constant, torch.ones_like(std), std)


def _pixel_moments(features: Tensor) -> tuple[Tensor, Tensor]:
    """Returns mean and standard deviation from a histogram, which needs no copy of the images as floats."""
    counts = torch.bincount(features.flatten(), minlength=256).double()
    level = torch.arange(256, dtype=torch.float64)
    mean = (counts * level).sum() / counts.sum()
    variance = (counts * (level - mean) ** 2).sum() / counts.sum()
    return mean, variance.sqrt() if variance > 0 else torch.tensor(255.0)


class InputNoise(nn.Module):
    """Adds normal noise of standard deviation `std` in training (Bishop, 1995, doi:10.1162/neco.1995.7.1.108)."""

    def __init__(self, std: float) -> None:
        super().__init__()
        self.std = std

    def forward(self, features: Tensor) -> Tensor:
        return features + self.std * torch.randn_like(features) if self.training else features


class MaxNormLinear(nn.Linear):
    """Linear layer that limits the L2 norm of the incoming weights of each unit to max_norm before a forward pass."""

    def __init__(self, in_features: int, out_features: int, max_norm: float) -> None:
        super().__init__(in_features, out_features)
        self.max_norm = max_norm

    def forward(self, input: Tensor) -> Tensor:
        with torch.no_grad():
            self.weight.renorm_(p=2, dim=0, maxnorm=self.max_norm)
        return super().forward(input)


def lookup(key: str, name: str, choices: Mapping[str, Any]) -> Any:
    """Returns the choice of that name. Raises UserError with the names that `model.<key>` may have."""
    if name not in choices:
        raise UserError(f"model.{key}={name}: one of {', '.join(choices)}")
    return choices[name]


NORMALISATIONS = {"none": None, "batch": nn.BatchNorm1d, "layer": nn.LayerNorm}


def normalisation_layer(name: str, features: int) -> list[nn.Module]:
    """Returns the normalisation layer of that name in a list, which is empty for none."""
    layer = lookup("normalisation", name, NORMALISATIONS)
    return [] if layer is None else [layer(features)]


INITIALISATIONS: dict[str, Callable[[Tensor], Any] | None] = {
    "default": None,  # that of torch: uniform within 1 / sqrt(fan_in)
    "xavier_uniform": nn.init.xavier_uniform_,  # Glorot and Bengio, 2010
    "xavier_normal": nn.init.xavier_normal_,
    "he_uniform": partial(nn.init.kaiming_uniform_, nonlinearity="relu"),  # He et al., 2015, doi:10.1109/ICCV.2015.123
    "he_normal": partial(nn.init.kaiming_normal_, nonlinearity="relu"),
    # variance 1 / fan_in (LeCun et al., Efficient BackProp, 1998)
    "lecun_normal": partial(nn.init.kaiming_normal_, nonlinearity="linear"),
    "orthogonal": nn.init.orthogonal_,  # Saxe et al., 2014, arXiv:1312.6120
    "naive": nn.init.normal_,  # standard normal for any width: shows what happens without a rule
    "zeros": nn.init.zeros_,
}


def initialise_weights(network: nn.Module, name: str) -> None:
    """Initialises the weights of all linear layers by a rule, and biases with 0; `default` keeps those of torch."""
    rule = lookup("initialisation", name, INITIALISATIONS)
    if rule is None:
        return
    for layer in network.modules():
        if isinstance(layer, nn.Linear):
            rule(layer.weight)
            nn.init.zeros_(layer.bias)
