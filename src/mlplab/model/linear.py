"""A single linear layer: linear and logistic regression."""

from torch import nn

from mlplab.model.network import Network


class Linear(Network):
    """y = W x + b. initial_weight, initial_bias: initial value of all weights (biases); None: that of torch."""

    def __init__(
        self,
        in_features: int,
        out_features: int,
        initial_weight: float | None = None,
        initial_bias: float | None = None,
        output_activation: str = "linear",
        standardise: bool = True,
    ) -> None:
        layer = nn.Linear(in_features, out_features)
        for parameter, value in ((layer.weight, initial_weight), (layer.bias, initial_bias)):
            if value is not None:
                nn.init.constant_(parameter, value)
        super().__init__(in_features, layer, output_activation, standardise)
