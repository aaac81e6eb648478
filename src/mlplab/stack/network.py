"""K networks of one form as one: a batched product a layer, (K, B, in_features) -> (K, B, out_features)."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Generator, Tensor, nn

from mlplab.model.layers import InputNoise, MaxNormLinear
from mlplab.model.maxout import MaxoutLayer
from mlplab.model.network import Network
from mlplab.model.residual_mlp import ResidualBlock
from mlplab.stack.weights import Weights

Pass = Callable[[Tensor, bool], Tensor]  # (features, training)
ELEMENTWISE = (
    *(nn.ReLU, nn.ELU, nn.GELU, nn.Hardtanh, nn.LeakyReLU, nn.Identity, nn.Mish, nn.SELU, nn.SiLU),
    *(nn.Sigmoid, nn.Softplus, nn.Softsign, nn.Tanh, nn.ReLU6, nn.Hardswish, nn.CELU, nn.LogSigmoid),
)


class MemberGenerators:
    def __init__(self, generators: Sequence[Generator]) -> None:
        self.generators = list(generators)

    def kept(self, like: Tensor, shares: Sequence[float]) -> Tensor:
        """(K, B, F) of 0 and 1, of ones a share by member; as dropout draws it."""
        drawn = torch.empty_like(like, memory_format=torch.contiguous_format)
        for part, share, generator in zip(drawn.unbind(0), shares, self.generators, strict=True):
            part.bernoulli_(share, generator=generator)
        return drawn

    def normal(self, like: Tensor) -> Tensor:
        drawn = torch.empty(like.shape, dtype=like.dtype)
        for part, generator in zip(drawn.unbind(0), self.generators, strict=True):
            part.normal_(generator=generator)
        return drawn

    def only(self, places: Sequence[int]) -> "MemberGenerators":
        return MemberGenerators([self.generators[place] for place in places])


class StackedNetwork:
    """Takes scaled features (K, B, in_features), or (1, B, in_features) where all members see the same rows."""

    def __init__(self, networks: Sequence[Network], weights: Weights, draws: MemberGenerators) -> None:
        self.weights = weights
        self.draws = draws
        self.count = len(networks)
        self.buffers: dict[str, Tensor] = {}  # (K, ...) by name
        self._body = self._pass([one.body for one in networks], "body")
        self._end = self._pass([one.output_activation for one in networks], "output_activation")

    def __call__(self, features: Tensor, training: bool) -> Tensor:
        return self._end(self._body(features.expand(self.count, -1, -1), training), training)

    def _pass(self, modules: Sequence[Any], name: str) -> Pass:
        """modules: the same place in each of the networks."""
        kind = type(modules[0])
        if kind in PASSES:
            return PASSES[kind](self, modules, name)
        if kind in ELEMENTWISE:
            return _elementwise(modules)
        raise TypeError(kind.__name__)

    def leaf(self, name: str) -> Tensor:
        """A view of it is made at each pass: one of before a step costs autograd a gradient of all weights."""
        return self.weights.leaves[name]


def can_stack(learner: Any) -> str:
    """What stands in the way, or nothing."""
    network = learner.network
    if not isinstance(network, Network) or type(network).forward is not Network.forward:
        return f"{type(network).__name__} has a pass of its own"
    if any(True for name, _ in learner.named_parameters() if not name.startswith("network.body.")):
        return "it learns more than its network"
    parts = [*_parts(network.body), *_parts(network.output_activation)]
    unknown = [type(part).__name__ for part in parts if type(part) not in (*PASSES, *ELEMENTWISE)]
    return f"there is no stacked {unknown[0]}" if unknown else ""


def _parts(module: nn.Module) -> list[nn.Module]:
    inner = module.branch if isinstance(module, ResidualBlock) else module
    return [one for part in inner for one in _parts(part)] if type(inner) is nn.Sequential else [module]


def _sequential(stack: StackedNetwork, modules: Sequence[Any], name: str) -> Pass:
    steps = [stack._pass(parts, f"{name}.{place}") for place, parts in enumerate(zip(*modules, strict=True))]

    def run(features: Tensor, training: bool) -> Tensor:
        for step in steps:
            features = step(features, training)
        return features

    return run


def _linear(stack: StackedNetwork, _: Sequence[Any], name: str) -> Pass:
    weight, bias = stack.leaf(f"{name}.weight"), stack.leaf(f"{name}.bias")
    width = weight.shape[2]
    spare = -width % 16 if 4 < width < 32 else 0  # over ten columns a product takes twice as long as over sixteen
    if not spare:
        return lambda features, _: torch.baddbmm(bias.unsqueeze(1), features, weight)

    wide, more = (stack.weights.widened(f"{name}.{one}", width + spare) for one in ("weight", "bias"))
    return lambda features, _: torch.baddbmm(more().unsqueeze(1), features, wide())[..., :width]


def _max_norm_linear(stack: StackedNetwork, modules: Sequence[Any], name: str) -> Pass:
    product, weight, most = _linear(stack, modules, name), stack.leaf(f"{name}.weight"), modules[0].max_norm

    def run(features: Tensor, training: bool) -> Tensor:
        with torch.no_grad():  # as renorm does it
            norm = weight.norm(dim=1, keepdim=True)
            # of its `data`: autograd counts a change of one leaf as one of all, which share their memory
            weight.data.mul_(torch.where(norm > most, most / (norm + 1e-7), 1.0))
        return product(features, training)

    return run


def _maxout(stack: StackedNetwork, modules: Sequence[Any], name: str) -> Pass:
    product, pieces = stack._pass([one.linear for one in modules], f"{name}.linear"), modules[0].pieces
    return lambda features, training: _in_pieces(product(features, training), pieces).amax(dim=-1)


def _in_pieces(values: Tensor, pieces: int) -> Tensor:
    return values.view(*values.shape[:-1], -1, pieces)


def _residual(stack: StackedNetwork, modules: Sequence[Any], name: str) -> Pass:
    branch = stack._pass([one.branch for one in modules], f"{name}.branch")
    return lambda features, training: features + branch(features, training)


def _dropout(stack: StackedNetwork, modules: Sequence[Any], _: str) -> Pass:
    shares = [1 - one.p for one in modules]
    if not any(one.p for one in modules):  # then nothing is drawn
        return lambda features, _: features

    def run(features: Tensor, training: bool) -> Tensor:
        if not training:
            return features
        kept = stack.draws.kept(features, shares)
        return features * kept.div_(torch.tensor(shares, dtype=kept.dtype)[:, None, None])

    return run


def _input_noise(stack: StackedNetwork, modules: Sequence[Any], _: str) -> Pass:
    sds = [one.sd for one in modules]

    def run(features: Tensor, training: bool) -> Tensor:
        if not training:
            return features
        return features + torch.tensor(sds, dtype=features.dtype)[:, None, None] * stack.draws.normal(features)

    return run


def _prelu(stack: StackedNetwork, _: Sequence[Any], name: str) -> Pass:
    slope = stack.leaf(f"{name}.weight")
    return lambda features, _: torch.where(features > 0, features, slope.unsqueeze(1) * features)


def _layer_norm(stack: StackedNetwork, modules: Sequence[Any], name: str) -> Pass:
    weight, bias = stack.leaf(f"{name}.weight"), stack.leaf(f"{name}.bias")
    shape, eps = modules[0].normalized_shape, modules[0].eps

    def run(features: Tensor, _: bool) -> Tensor:
        normal = nn.functional.layer_norm(features, shape, eps=eps)
        return torch.addcmul(bias.unsqueeze(1), normal, weight.unsqueeze(1))

    return run


def _batch_norm(stack: StackedNetwork, modules: Sequence[Any], name: str) -> Pass:
    """Normalised by column: those of all members side by side."""
    weight, bias = stack.leaf(f"{name}.weight"), stack.leaf(f"{name}.bias")
    for each, _ in modules[0].named_buffers():
        stack.buffers[f"{name}.{each}"] = torch.stack([getattr(one, each) for one in modules])
    mean, var = (stack.buffers[f"{name}.running_{each}"].view(-1) for each in ("mean", "var"))
    count = stack.buffers[f"{name}.num_batches_tracked"]

    def run(features: Tensor, training: bool) -> Tensor:
        wide = features.transpose(0, 1).flatten(1)
        if training:
            count.add_(1)
        settings = (weight.reshape(-1), bias.reshape(-1), training, modules[0].momentum, modules[0].eps)
        normal = nn.functional.batch_norm(wide, mean, var, *settings)
        return normal.view(len(normal), stack.count, -1).transpose(0, 1)

    return run


def _elementwise(modules: Sequence[Any]) -> Pass:
    if len({repr(one) for one in modules}) == 1:
        one = modules[0]
        return lambda features, _: one(features)
    return lambda features, _: torch.stack([one(part) for one, part in zip(modules, features, strict=True)])


PASSES: dict[type, Callable[[StackedNetwork, Sequence[Any], str], Pass]] = {
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


def generator_like_global() -> Generator:
    """A generator that goes on where torch's global one stands."""
    generator = Generator()
    generator.set_state(torch.get_rng_state())
    return generator


Loss = Callable[[Tensor, Tensor], Tensor]
Each = nn.functional


def stacked_loss(losses: Sequence[nn.Module]) -> Loss:
    """Of the members' own losses, which are of one class and differ in numbers only."""
    make = LOSSES.get(type(losses[0]))
    return make(losses) if make else _by_member(losses)


def _by_member(losses: Sequence[nn.Module]) -> Loss:
    return lambda output, target: torch.stack(
        [loss(one, its) for loss, one, its in zip(losses, output, target, strict=True)]
    )


def _alike(weights: Sequence[Tensor | None]) -> bool:
    first = weights[0]
    return first is None or all(one is first or (one is not None and torch.equal(one, first)) for one in weights)


def _mean(values: Tensor) -> Tensor:
    return values.flatten(1).mean(dim=1)


def _cross_entropy(losses: Sequence[Any]) -> Loss:
    """Label smoothing is linear: between that of 0 and that of 1."""
    weight = losses[0].weight
    if not _alike([loss.weight for loss in losses]):  # balanced by the training rows of folds
        return _by_member(losses)
    smoothing = [float(loss.label_smoothing) for loss in losses]
    shares = torch.tensor(smoothing, dtype=torch.float64)[:, None] if len(set(smoothing)) > 1 else None

    def run(output: Tensor, target: Tensor) -> Tensor:
        rows = output.transpose(1, 2).contiguous()  # over few classes that lie side by side torch is slow

        def smoothed(amount: float) -> Tensor:
            return Each.cross_entropy(rows, target, weight, reduction="none", label_smoothing=amount)

        if shares is None:
            each = smoothed(smoothing[0])
        else:
            each = torch.lerp(smoothed(0.0), smoothed(1.0), shares.to(output.dtype))
        return each.mean(dim=1) if weight is None else each.sum(dim=1) / weight[target].sum(dim=1)

    return run


def _binary_cross_entropy(losses: Sequence[Any]) -> Loss:
    weights = [loss.pos_weight for loss in losses]
    weight = weights[0] if _alike(weights) else torch.stack(weights)[:, None]
    return lambda output, target: _mean(
        Each.binary_cross_entropy_with_logits(output, target, pos_weight=weight, reduction="none")
    )


def _huber(losses: Sequence[Any]) -> Loss:
    delta = losses[0].delta
    return lambda output, target: _mean(Each.huber_loss(output, target, reduction="none", delta=delta))


LOSSES: dict[type, Callable[[Sequence[Any]], Loss]] = {
    nn.CrossEntropyLoss: _cross_entropy,
    nn.BCEWithLogitsLoss: _binary_cross_entropy,
    nn.MSELoss: lambda _: lambda output, target: _mean(Each.mse_loss(output, target, reduction="none")),
    nn.L1Loss: lambda _: lambda output, target: _mean(Each.l1_loss(output, target, reduction="none")),
    nn.HuberLoss: _huber,
}
