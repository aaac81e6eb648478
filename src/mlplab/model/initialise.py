"""Starting weights by name."""

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

from mlplab.errors import Mistake


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


def initialise(network: nn.Module, name: str) -> None:
    """Weights of every linear layer by the rule; biases 0. `default` leaves torch's own."""
    if name not in INITIALISATIONS:
        raise Mistake(f"model.initialisation={name}: one of {', '.join(INITIALISATIONS)}")
    rule = INITIALISATIONS[name]
    if rule is None:
        return
    for layer in network.modules():
        if isinstance(layer, nn.Linear):
            rule(layer.weight)
            nn.init.zeros_(layer.bias)
