"""What happens within a network, layer by layer: how far activations spread, which units never fire, where the gradient
goes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import repeat, zip_longest
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn

from mlplab.learner.learner import Learner

RECTIFIERS = (nn.ReLU, nn.ReLU6)  # exactly 0 with slope 0 below: a unit that never fires learns nothing
FLAT = 0.01  # a slope below it counts as saturated

Event = tuple[nn.Module, Tensor]


@dataclass(frozen=True)
class Layer:
    """One linear layer and the activation that follows it. name: as in `network.named_modules()`.

    spread: sd of what it hands on, over rows and units. dead: share of units that are 0 for every row, 0 unless the
    activation is a ReLU. saturated: share of activations whose slope is below 0.01, for sigmoid and tanh. gradient: L2
    norm of the loss's gradient by its weights. rectified: whether the activation is a ReLU.
    """

    name: str
    spread: float
    dead: float
    saturated: float
    gradient: float
    rectified: bool = False


def layer_statistics(learner: Learner, features: Tensor, target: Tensor) -> list[Layer]:
    """The linear layers within the network in the order of their calls, by one pass forward and backward over rows.

    features, target: raw, as of a split. The learner's weights, gradients and mode stay as they are, and no random
    number is drawn. A layer that the loss does not reach has gradient 0.
    """
    network = learner.network
    names: dict[nn.Module, str] = {one: name for name, one in network.named_modules() if isinstance(one, nn.Linear)}
    events: list[Event] = []
    watched = [module for module in network.modules() if module in names or is_activation(module)]
    hooks = [module.register_forward_hook(lambda one, _, out: events.append((one, out))) for module in watched]
    training = learner.training
    learner.eval()
    try:
        with torch.enable_grad():
            # `forward`: a compiled network would not call the hooks
            loss = learner.measured_loss(network.forward(features), learner.encode(target))
            weights = {one: weight for one in names if (weight := cast(Tensor, one.weight)).requires_grad}
            found = torch.autograd.grad(loss, list(weights.values()), allow_unused=True) if weights else ()
    finally:
        learner.train(training)
        for hook in hooks:
            hook.remove()
    gradients = dict(zip(weights, found, strict=True))
    called = [
        Call(names[linear], values.detach()[None], activation, None if gradient is None else gradient[None])
        for linear, values, activation in trace_calls(events)
        for gradient in [gradients.get(linear)]
    ]
    return statistics_by_member(called)[0] if called else []


class Call(NamedTuple):
    """Of the linear layer of that name in each of K networks: (K, N, units) that it hands on by way of the activation,
    and the gradients (K, ...) of its weights."""

    name: str
    values: Tensor
    activation: nn.Module | None
    gradient: Tensor | None


def trace_calls(events: list[Event]) -> list[tuple[nn.Module, Tensor, nn.Module | None]]:
    """Each call of a linear layer, with what it hands on, and the activation that was called before the next one."""
    calls: list[tuple[nn.Module, Tensor, nn.Module | None]] = []
    for (module, values), following in zip_longest(events, events[1:]):
        if not isinstance(module, nn.Linear):
            continue
        if following is None or isinstance(following[0], nn.Linear):
            calls.append((module, values, None))
        else:
            calls.append((module, following[1], following[0]))
    return calls


def statistics_by_member(calls: Sequence[Call]) -> list[list[Layer]]:
    """The layers of each of K networks."""
    return [list(of_one) for of_one in zip(*map(_layers, calls), strict=True)]


def is_activation(module: nn.Module) -> bool:
    return type(module).__module__ == "torch.nn.modules.activation"


def _layers(call: Call) -> list[Layer]:
    name, values, activation, gradient = call
    rectified = isinstance(activation, RECTIFIERS)
    columns = zip(
        values.double().flatten(1).std(dim=1, correction=0).tolist(),
        _means((values == 0).all(dim=1)) if rectified else repeat(0.0),
        _saturated(values, activation),
        repeat(0.0) if gradient is None else gradient.double().flatten(1).norm(dim=1).tolist(),
        strict=False,  # of what is the same for all there is no end
    )
    return [Layer(name, *column, rectified=rectified) for column in columns]


def _saturated(values: Tensor, activation: nn.Module | None) -> Iterable[float]:
    if not isinstance(activation, nn.Sigmoid | nn.Tanh):
        return repeat(0.0)
    slope = values * (1 - values) if isinstance(activation, nn.Sigmoid) else 1 - values**2
    return _means(slope < FLAT)


def _means(held: Tensor) -> list[float]:
    shares: list[float] = held.flatten(1).double().mean(dim=1).tolist()
    return shares
