"""The activation functions of the lab, each with its slope."""

from functools import cache

import numpy as np
import torch
from torch import Tensor, nn

from mlplab.config.compose import configure
from mlplab.run.instantiate import make

NAMES = (
    *("linear", "sigmoid", "tanh", "softsign", "hardtanh", "relu", "leaky_relu"),
    *("elu", "selu", "softplus", "silu", "mish", "gelu", "maxout"),
)
TOLD = {
    "silu": "swish (SiLU)",
    "leaky_relu": "leaky ReLU",
    "relu": "ReLU",
    "elu": "ELU",
    "selu": "SELU",
    "gelu": "GELU",
}


@cache  # a configuration takes a tenth of a second to compose
def activation(name: str) -> nn.Module:
    """As a choice of the group makes it; maxout, which learns its pieces, as max(x, -x / 2)."""
    if name == "maxout":
        return _Pieces()
    made: nn.Module = make(configure(f"activation={name}"), "activation")()
    return made


def function_and_slope(module: nn.Module, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    at = torch.from_numpy(x).requires_grad_()
    y = module(at)
    (slope,) = torch.autograd.grad(y.sum(), at)
    return y.detach().numpy(), slope.numpy()


class _Pieces(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.maximum(x, -x / 2)
