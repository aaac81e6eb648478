"""Scaling learned from training rows, kept as buffers of the network."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from mlplab.errors import UserError


class InputScaler(nn.Module):
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


def _lecun(weight: Tensor) -> None:
    """Normal with variance 1 / fan_in (LeCun et al., Efficient BackProp, 1998)."""
    nn.init.kaiming_normal_(weight, nonlinearity="linear")


def _he_normal(weight: Tensor) -> None:
    nn.init.kaiming_normal_(weight, nonlinearity="relu")


def _he_uniform(weight: Tensor) -> None:
    nn.init.kaiming_uniform_(weight, nonlinearity="relu")


def _naive(weight: Tensor) -> None:
    """Standard normal, whatever the width: what goes wrong without a rule."""
    nn.init.normal_(weight)


INITIALISATIONS: dict[str, Callable[[Tensor], Any] | None] = {
    "default": None,  # torch's own: uniform within 1 / sqrt(fan_in)
    "xavier_uniform": nn.init.xavier_uniform_,  # Glorot and Bengio, 2010
    "xavier_normal": nn.init.xavier_normal_,
    "he_uniform": _he_uniform,  # He et al., 2015, doi:10.1109/ICCV.2015.123
    "he_normal": _he_normal,
    "lecun_normal": _lecun,
    "orthogonal": nn.init.orthogonal_,  # Saxe et al., 2014, arXiv:1312.6120
    "naive": _naive,
    "zeros": nn.init.zeros_,
}


def initialise_weights(network: nn.Module, name: str) -> None:
    """Weights of every linear layer by the rule; biases 0. `default` leaves torch's own."""
    if name not in INITIALISATIONS:
        raise UserError(f"model.initialisation={name}: one of {', '.join(INITIALISATIONS)}")
    rule = INITIALISATIONS[name]
    if rule is None:
        return
    for layer in network.modules():
        if isinstance(layer, nn.Linear):
            rule(layer.weight)
            nn.init.zeros_(layer.bias)


class InputNoise(nn.Module):
    """Adds a normal draw of sd `sd`, a new one each pass, in training only: rows are seen as scattered about their
    place (Bishop, 1995, doi:10.1162/neco.1995.7.1.108)."""

    def __init__(self, sd: float) -> None:
        super().__init__()
        self.sd = sd

    def forward(self, features: Tensor) -> Tensor:
        return features + self.sd * torch.randn_like(features) if self.training else features


class MaxNormLinear(nn.Linear):
    """Before each forward pass a unit's weights longer than max_norm (L2) are scaled down to it, in place."""

    def __init__(self, in_features: int, out_features: int, max_norm: float) -> None:
        super().__init__(in_features, out_features)
        self.max_norm = max_norm

    def forward(self, input: Tensor) -> Tensor:
        with torch.no_grad():
            self.weight.renorm_(p=2, dim=0, maxnorm=self.max_norm)
        return super().forward(input)


def normalisation_layer(name: str, features: int) -> list[nn.Module]:
    """No layer for none."""
    if name not in ("none", "batch", "layer"):
        raise UserError(f"model.normalisation={name}: one of none, batch, layer")
    if name == "batch":
        return [nn.BatchNorm1d(features)]
    return [nn.LayerNorm(features)] if name == "layer" else []
