"""K networks of the same shape as one: one batched product per layer, (K, B, in_features) -> (K, B, out_features)."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Generator, Tensor, nn

from mlplab.model.layers import InputNoise, MaxNormLinear
from mlplab.model.maxout import MaxoutLayer
from mlplab.model.network import Network
from mlplab.model.residual_mlp import ResidualBlock
from mlplab.stack.weights import Snapshot, Weights

Pass = Callable[[Tensor, bool], Tensor]  # (features, training) -> features
ELEMENTWISE = (
    *(nn.ReLU, nn.ELU, nn.GELU, nn.Hardtanh, nn.LeakyReLU, nn.Identity, nn.Mish, nn.SELU, nn.SiLU),
    *(nn.Sigmoid, nn.Softplus, nn.Softsign, nn.Tanh, nn.ReLU6, nn.Hardswish, nn.CELU, nn.LogSigmoid),
)


class StackedNetwork:
    """Takes scaled features (K, B, in_features), or (1, B, in_features) where all members get the same rows.

    generators: one per member, for dropout and noise, which draw what torch's global one draws in the single run; empty
    where the network is only evaluated. buffers: (K, ...) by name, changed by each training pass.
    """

    def __init__(self, networks: Sequence[Network], weights: Weights, generators: Sequence[Generator] = ()) -> None:
        self.weights = weights
        self.generators = generators
        self.count = len(networks)
        self.buffers: dict[str, Tensor] = {}
        self._body = self.build([network.body for network in networks], "body")
        self._output = self.build([network.output_activation for network in networks], "output_activation")

    def __call__(self, features: Tensor, training: bool) -> Tensor:
        return self._output(self._body(features.expand(self.count, -1, -1), training), training)

    def load(self, snapshot: Snapshot) -> None:
        """Copies weights and buffers of all members."""
        self.weights.flat.copy_(snapshot.flat)
        for name, values in self.buffers.items():
            values.copy_(snapshot.buffers[name])

    def build(self, modules: Sequence[Any], name: str) -> Pass:
        """Returns the stacked pass of the modules that have this name in each of the networks."""
        kind = type(modules[0])
        if kind in BUILDERS:
            return BUILDERS[kind](self, modules, name)
        if kind in ELEMENTWISE:
            return _elementwise(modules)
        raise TypeError(kind.__name__)


def generator_like_global() -> Generator:
    """Returns a generator that continues from the state of torch's global one."""
    return Generator().set_state(torch.get_rng_state())


def why_no_stacked_network(learner: Any) -> str:
    """Returns why networks of this kind cannot be stacked, or an empty string."""
    network = learner.network
    if not isinstance(network, Network) or type(network).forward is not Network.forward:
        return f"{type(network).__name__} has its own forward()"
    if any(not name.startswith("network.body.") for name, _ in learner.named_parameters()):
        return "the learner has parameters outside its network"
    layers = [*_layers(network.body), *_layers(network.output_activation)]
    unknown = [type(layer).__name__ for layer in layers if type(layer) not in (*BUILDERS, *ELEMENTWISE)]
    return f"{unknown[0]} has no stacked form" if unknown else ""


def _layers(module: nn.Module) -> list[nn.Module]:
    inner = module.branch if isinstance(module, ResidualBlock) else module
    return [layer for part in inner for layer in _layers(part)] if type(inner) is nn.Sequential else [module]


def _sequential(stack: StackedNetwork, modules: Sequence[Any], name: str) -> Pass:
    steps = [stack.build(parts, f"{name}.{place}") for place, parts in enumerate(zip(*modules, strict=True))]

    def run(features: Tensor, training: bool) -> Tensor:
        for step in steps:
            features = step(features, training)
        return features

    return run


def _linear(stack: StackedNetwork, _: Sequence[Any], name: str) -> Pass:
    # views of a leaf are made within each pass: the gradient of an older one covers all P
    weight, bias = stack.weights.leaves[f"{name}.weight"], stack.weights.leaves[f"{name}.bias"]
    width = weight.shape[2]
    padding = -width % 16 if 4 < width < 32 else 0  # a product with 10 columns takes twice as long as with 16
    if not padding:
        return lambda features, _: torch.baddbmm(bias.unsqueeze(1), features, weight)

    weight_of, bias_of = (stack.weights.padded(f"{name}.{kind}", width + padding) for kind in ("weight", "bias"))
    return lambda features, _: torch.baddbmm(bias_of().unsqueeze(1), features, weight_of())[..., :width]


def _max_norm_linear(stack: StackedNetwork, modules: Sequence[Any], name: str) -> Pass:
    product, max_norm = _linear(stack, modules, name), modules[0].max_norm
    weight = stack.weights.leaves[f"{name}.weight"]

    def run(features: Tensor, training: bool) -> Tensor:
        with torch.no_grad():  # the formula of torch.renorm
            norm = weight.norm(dim=1, keepdim=True)
            # on .data: leaves share their memory, so autograd takes a change of one for a change of all
            weight.data.mul_(torch.where(norm > max_norm, max_norm / (norm + 1e-7), 1.0))
        return product(features, training)

    return run


def _maxout(stack: StackedNetwork, modules: Sequence[Any], name: str) -> Pass:
    product, pieces = stack.build([module.linear for module in modules], f"{name}.linear"), modules[0].pieces

    def run(features: Tensor, training: bool) -> Tensor:
        values = product(features, training)
        return values.view(*values.shape[:-1], -1, pieces).amax(dim=-1)

    return run


def _residual(stack: StackedNetwork, modules: Sequence[Any], name: str) -> Pass:
    branch = stack.build([module.branch for module in modules], f"{name}.branch")
    return lambda features, training: features + branch(features, training)


def _dropout(stack: StackedNetwork, modules: Sequence[Any], _: str) -> Pass:
    kept = [1 - module.p for module in modules]
    if not any(module.p for module in modules):  # a single run draws nothing then
        return lambda features, _: features

    def run(features: Tensor, training: bool) -> Tensor:
        if not training:
            return features
        mask = torch.empty(features.shape, dtype=features.dtype)
        for part, probability, generator in zip(mask, kept, stack.generators, strict=True):
            part.bernoulli_(probability, generator=generator)
        return features * mask.div_(torch.tensor(kept, dtype=mask.dtype)[:, None, None])

    return run


def _input_noise(stack: StackedNetwork, modules: Sequence[Any], _: str) -> Pass:
    stds = [module.std for module in modules]

    def run(features: Tensor, training: bool) -> Tensor:
        if not training:
            return features
        noise = torch.empty(features.shape, dtype=features.dtype)
        for part, generator in zip(noise, stack.generators, strict=True):
            part.normal_(generator=generator)
        return features + torch.tensor(stds, dtype=features.dtype)[:, None, None] * noise

    return run


def _prelu(stack: StackedNetwork, _: Sequence[Any], name: str) -> Pass:
    slope = stack.weights.leaves[f"{name}.weight"]
    return lambda features, _: torch.where(features > 0, features, slope.unsqueeze(1) * features)


def _layer_norm(stack: StackedNetwork, modules: Sequence[Any], name: str) -> Pass:
    weight, bias = stack.weights.leaves[f"{name}.weight"], stack.weights.leaves[f"{name}.bias"]
    shape, eps = modules[0].normalized_shape, modules[0].eps

    def run(features: Tensor, _: bool) -> Tensor:
        normal = nn.functional.layer_norm(features, shape, eps=eps)
        return torch.addcmul(bias.unsqueeze(1), normal, weight.unsqueeze(1))

    return run


def _batch_norm(stack: StackedNetwork, modules: Sequence[Any], name: str) -> Pass:
    """Normalises by column, with the columns of all members side by side."""
    weight, bias = stack.weights.leaves[f"{name}.weight"], stack.weights.leaves[f"{name}.bias"]
    for key, _ in modules[0].named_buffers():
        stack.buffers[f"{name}.{key}"] = torch.stack([getattr(module, key) for module in modules])
    mean, var = (stack.buffers[f"{name}.running_{key}"].view(-1) for key in ("mean", "var"))
    batches = stack.buffers[f"{name}.num_batches_tracked"]

    def run(features: Tensor, training: bool) -> Tensor:
        wide = features.transpose(0, 1).flatten(1)
        if training:
            batches.add_(1)
        arguments = (weight.reshape(-1), bias.reshape(-1), training, modules[0].momentum, modules[0].eps)
        normal = nn.functional.batch_norm(wide, mean, var, *arguments)
        return normal.view(len(normal), stack.count, -1).transpose(0, 1)

    return run


def _elementwise(modules: Sequence[Any]) -> Pass:
    if len({repr(module) for module in modules}) == 1:
        module = modules[0]
        return lambda features, _: module(features)
    return lambda features, _: torch.stack([module(part) for module, part in zip(modules, features, strict=True)])


BUILDERS: dict[type, Callable[[StackedNetwork, Sequence[Any], str], Pass]] = {
    nn.Sequential: _sequential,
    nn.Linear: _linear,
    MaxNormLinear: _max_norm_linear,
    MaxoutLayer: _maxout,
    ResidualBlock: _residual,
    nn.Dropout: _dropout,
    InputNoise: _input_noise,
    nn.PReLU: _prelu,
    nn.LayerNorm: _layer_norm,
    nn.BatchNorm1d: _batch_norm,
}
