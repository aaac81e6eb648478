"""A loss of values (mse, mae) taken between probabilities and one-hot targets, as early courses do."""

from torch import Tensor, nn


class OnProbabilities(nn.Module):
    """loss(activation(output), target); torch's classification losses take raw outputs only."""

    def __init__(self, loss: nn.Module, activation: nn.Module) -> None:
        super().__init__()
        self.loss = loss
        self.activation = activation

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        value: Tensor = self.loss(self.activation(output), target)
        return value
