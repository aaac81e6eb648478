"""What happens within a network, layer by layer: how far activations spread, which units never fire, where the gradient
goes."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from mlplab.learner.learner import Learner

RECTIFIERS = (nn.ReLU,)  # exactly 0 with slope 0 below: a unit that never fires learns nothing


@dataclass(frozen=True)
class Layer:
    """One linear layer and what follows it up to the next. name: as in `network.named_modules()`.

    spread: sd of its activations over rows and units. dead: share of units that are 0 for every row, 0 unless the
    activation is a ReLU. gradient: L2 norm of the loss's gradient by its weights. saturated: share of activations whose
    slope is below 0.01, for sigmoid and tanh.
    """

    name: str
    spread: float
    dead: float
    saturated: float
    gradient: float


def layers(learner: Learner, features: Tensor, target: Tensor) -> list[Layer]:
    """The hidden linear layers and the output layer, in order, by one pass forward and backward over these rows.

    features, target: raw, as of a split. The learner's weights, gradients and mode stay as they are.
    """
    network = learner.network
    found = [(name, module) for name, module in network.named_modules() if isinstance(module, nn.Linear)]
    after = _activations(network)
    seen: dict[nn.Module, Tensor] = {}
    hooks = [module.register_forward_hook(lambda one, _, output: seen.update({one: output})) for module in after]
    hooks += [one.register_forward_hook(lambda one, _, output: seen.update({one: output})) for _, one in found]
    training = learner.training
    learner.eval()
    try:
        with torch.enable_grad():
            loss = learner.loss(network(features), learner.encode(target))
            weights = [module.weight for _, module in found]
            gradients = torch.autograd.grad(loss, weights)
    finally:
        learner.train(training)
        for hook in hooks:
            hook.remove()
    return [
        _layer(name, seen[after_of(module, network) or module].detach(), after_of(module, network), gradient)
        for (name, module), gradient in zip(found, gradients, strict=True)
    ]


def after_of(linear: nn.Module, network: nn.Module) -> nn.Module | None:
    """The activation that follows a linear layer, before the next one."""
    seen = False
    for module in network.modules():
        if module is linear:
            seen = True
        elif seen and isinstance(module, nn.Linear):
            return None
        elif seen and _is_activation(module):
            return module
    return None


def _activations(network: nn.Module) -> list[nn.Module]:
    return [module for module in network.modules() if _is_activation(module)]


def _is_activation(module: nn.Module) -> bool:
    return type(module).__module__ == "torch.nn.modules.activation"


def _layer(name: str, values: Tensor, activation: nn.Module | None, gradient: Tensor) -> Layer:
    dead = (values == 0).all(dim=0).double().mean() if isinstance(activation, RECTIFIERS) else torch.tensor(0.0)
    saturated = torch.tensor(0.0)
    if isinstance(activation, nn.Sigmoid | nn.Tanh):
        slope = values * (1 - values) if isinstance(activation, nn.Sigmoid) else 1 - values**2
        saturated = (slope < 0.01).double().mean()
    return Layer(name, float(values.double().std()), float(dead), float(saturated), float(gradient.norm()))
