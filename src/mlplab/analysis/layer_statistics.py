"""Statistics of each layer of a network: spread of activations, dead and saturated units, gradient norm."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn

from mlplab.learner.learner import Learner

RECTIFIERS = (nn.ReLU, nn.ReLU6)  # output and slope are 0 for negative input: a unit that is always 0 does not learn
SATURATED_SLOPE = 0.01

Event = tuple[nn.Module, Tensor]


@dataclass(frozen=True)
class Layer:
    """A linear layer with the activation that follows it. name: as in `network.named_modules()`.

    spread: standard deviation of the activations over rows and units. dead: fraction of units that are 0 for all rows
    (ReLU only). saturated: fraction of activations with a slope below 0.01 (sigmoid and tanh only). gradient: L2 norm
    of the gradient of the weights. rectified: whether the activation is a ReLU.
    """

    name: str
    spread: float
    dead: float
    saturated: float
    gradient: float
    rectified: bool = False


def layer_statistics(learner: Learner, features: Tensor, target: Tensor) -> list[Layer]:
    """Measures the linear layers of the network, in the order of their calls, in one forward and backward pass.

    features, target: raw rows. Weights, gradients and mode of the learner do not change, and no random number is drawn.
    A layer that the loss does not depend on has gradient 0.
    """
    network = learner.network
    names: dict[nn.Module, str] = {
        module: name for name, module in network.named_modules() if isinstance(module, nn.Linear)
    }
    events: list[Event] = []
    watched = [module for module in network.modules() if module in names or is_activation(module)]
    hooks = [
        module.register_forward_hook(lambda module, _, output: events.append((module, output))) for module in watched
    ]
    training = learner.training
    learner.eval()
    try:
        with torch.enable_grad():
            # not `network(features)`: a compiled network does not call the hooks
            loss = learner.measured_loss(network.forward(features), learner.encode(target))
            weights = {layer: weight for layer in names if (weight := cast(Tensor, layer.weight)).requires_grad}
            found = torch.autograd.grad(loss, list(weights.values()), allow_unused=True) if weights else ()
    finally:
        learner.train(training)
        for hook in hooks:
            hook.remove()
    gradients = dict(zip(weights, found, strict=True))
    calls = [
        Call(names[linear], values.detach()[None], activation, None if gradient is None else gradient[None])
        for linear, values, activation in trace_calls(events)
        for gradient in [gradients.get(linear)]
    ]
    return statistics_by_network(calls)[0] if calls else []


class Call(NamedTuple):
    """A call of one linear layer in each of K networks.

    values: activations (K, N, units). gradient: of the weights, (K, ...).
    """

    name: str
    values: Tensor
    activation: nn.Module | None
    gradient: Tensor | None


def trace_calls(events: list[Event]) -> list[tuple[nn.Module, Tensor, nn.Module | None]]:
    """Returns each call of a linear layer with its activations, and the activation module called before the next one.

    events: outputs of linear layers and activation modules in the order of their calls.
    """
    calls: list[tuple[nn.Module, Tensor, nn.Module | None]] = []
    for (module, values), following in zip_longest(events, events[1:]):
        if isinstance(module, nn.Linear):
            has_activation = following is not None and not isinstance(following[0], nn.Linear)
            calls.append((module, following[1], following[0]) if has_activation else (module, values, None))
    return calls


def statistics_by_network(calls: Sequence[Call]) -> list[list[Layer]]:
    """Returns the layers of each of K networks."""
    return [list(layers) for layers in zip(*map(_layers, calls), strict=True)]


def is_activation(module: nn.Module) -> bool:
    return type(module).__module__ == "torch.nn.modules.activation"


def _layers(call: Call) -> list[Layer]:
    name, values, activation, gradient = call
    rectified = isinstance(activation, RECTIFIERS)
    spread = values.double().flatten(1).std(dim=1, correction=0).tolist()
    dead = saturated = norm = [0.0] * len(values)
    if rectified:
        dead = _fractions((values == 0).all(dim=1))
    if isinstance(activation, nn.Sigmoid | nn.Tanh):
        slope = values * (1 - values) if isinstance(activation, nn.Sigmoid) else 1 - values**2
        saturated = _fractions(slope < SATURATED_SLOPE)
    if gradient is not None:
        norm = gradient.double().flatten(1).norm(dim=1).tolist()
    columns = zip(spread, dead, saturated, norm, strict=True)
    return [Layer(name, *column, rectified=rectified) for column in columns]


def _fractions(flags: Tensor) -> list[float]:
    """Computes the fraction of true values of each network: (K, ...) -> K numbers."""
    fractions: list[float] = flags.flatten(1).double().mean(dim=1).tolist()
    return fractions
