"""The multilayer perceptron."""

from collections.abc import Callable, Sequence
from itertools import pairwise

from torch import nn

from mlplab.model.layers import InputNoise, MaxNormLinear, normalisation_layer
from mlplab.model.network import Network


class MLP(Network):
    """Hidden layers of linear, normalisation, activation and dropout, then a linear output layer.

    hidden_features: width of each hidden layer. activation: called once for each layer, because a learnable one must
    not be shared. normalisation: none, batch or layer. initialisation: see `mlplab.model.layers`. max_norm: bound on
    the L2 norm of the incoming weights of a hidden unit (Srivastava et al., 2014,
    jmlr.org/papers/v15/srivastava14a.html). input_noise: standard deviation of noise on scaled features in training.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        hidden_features: Sequence[int] = (256, 128),
        activation: Callable[[], nn.Module] = nn.ReLU,
        dropout: float = 0.0,
        normalisation: str = "none",
        initialisation: str = "default",
        max_norm: float | None = None,
        output_activation: str = "linear",
        standardise: bool = True,
        input_noise: float = 0.0,
    ) -> None:
        layers: list[nn.Module] = [InputNoise(input_noise)] if input_noise else []
        for before, after in pairwise([in_features, *hidden_features]):
            layers.append(nn.Linear(before, after) if max_norm is None else MaxNormLinear(before, after, max_norm))
            layers.extend(normalisation_layer(normalisation, after))
            layers.append(activation())
            if dropout:
                layers.append(nn.Dropout(dropout))
        layers.append(nn.Linear([in_features, *hidden_features][-1], out_features))
        super().__init__(in_features, nn.Sequential(*layers), output_activation, standardise, initialisation)
