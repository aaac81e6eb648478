"""What diagnosis.json holds of K members, and their test scores, at once: each by itself takes as long as an epoch."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from mlplab.analysis.diagnosis import MOST_ROWS, Diagnosis, losses_of, of_layers, of_rows, rise
from mlplab.analysis.layer_statistics import Call, Layer, by_member, followed, is_activation
from mlplab.data.splits import Part, Splits
from mlplab.stack.draws import Draws
from mlplab.stack.fit import Of
from mlplab.stack.loss import stacked_loss
from mlplab.stack.measure import encoded, measure, outputs
from mlplab.stack.member import Member
from mlplab.stack.network import Pass, StackedNetwork
from mlplab.stack.rows import by_fold, of_members
from mlplab.stack.snapshot import Snapshot, joined, put_weights
from mlplab.stack.weights import Weights

MAX_STATISTICS_NUMBERS = 2**18  # of one layer's activations at once: memory that was never used is slow


class Closing(NamedTuple):
    """test: the scores of the best weights, by name."""

    diagnosis: Diagnosis
    test: dict[str, float]


def measured_layers(members: Sequence[Member], held: Snapshot | None = None) -> list[list[Layer]]:
    """As `diagnosis.measured_layers` of each. held: their weights, else those of their networks."""
    found: list[list[Layer]] = []
    for places in _chunks(members):
        some = [members[place] for place in places]
        learners: list[Any] = [one.lab.learner for one in some]
        networks = [one.network for one in learners]
        weights = Weights(networks)
        network = _Watched(networks, weights)
        if held:
            put_weights(held.only(places), weights, network)
        rows = _rows(some, lambda splits: splits.measured.first(MOST_ROWS))
        target = encoded(learners, rows.by_member(rows.target))
        losses = stacked_loss([one.measured_loss for one in learners])(
            network(rows.by_member(rows.features), False), target
        )
        gradients = dict(zip(weights.leaves, weights.gradients(losses.sum()), strict=True))
        calls = [
            Call(network.names[linear], values.detach(), activation, gradients[f"{network.names[linear]}.weight"])
            for linear, values, activation in followed(network.events)
        ]
        found += by_member(calls)
    return found


def closings(ended: Sequence[Of]) -> dict[int, Closing]:
    """Of those that came to their end, by the identity of the member."""
    whole = [one for one in ended if not one[0].failure and one[0].has_ended]
    if not whole:
        return {}
    members = [member for member, *_ in whole]
    last, best = (joined(parts) for parts in list(zip(*whole, strict=True))[1:])
    learners: list[Any] = [one.lab.learner for one in members]
    end = measured_layers(members, last)
    val = _rows(members, lambda splits: splits.val.first(MOST_ROWS))
    test = _rows(members, lambda splits: splits.test)
    with torch.no_grad():
        networks = [one.network for one in learners]
        weights = Weights(networks)
        network = StackedNetwork(networks, weights, Draws([]))
        put_weights(last, weights, network)
        before = outputs(network, val.features, val.by_member)
        put_weights(best, weights, network)
        after = outputs(network, val.features, val.by_member)
        scores = measure(learners, outputs(network, test.features, test.by_member), test.by_member(test.target))
        targets = val.by_member(val.target).expand(len(members), *val.target.shape[1:])
        rises = [
            rise(losses_of(one, at_best, target), losses_of(one, at_last, target))
            for one, at_best, at_last, target in zip(learners, after, before, targets, strict=True)
        ]
    constants: dict[int, Diagnosis] = {}
    found = {}
    for place, (one, its_end, its_rise) in enumerate(zip(members, end, rises, strict=True)):
        splits = one.lab.splits
        if id(splits) not in constants:
            constants[id(splits)] = of_rows(one.lab.learner, splits)
        told = {**constants[id(splits)], "layers": of_layers(one.start, its_end), "rise": its_rise}
        found[id(one)] = Closing(told, {f"{name}/test": values[place] for name, values in scores.items()})
    return found


class _Watched(StackedNetwork):
    """events: what each linear layer and each activation handed on, in the order of their calls."""

    def __init__(self, networks: Sequence[Any], weights: Weights) -> None:
        self.names = {module: name for name, module in networks[0].named_modules()}
        self.events: list[tuple[nn.Module, Tensor]] = []
        super().__init__(networks, weights, Draws([]))

    def _pass(self, modules: Sequence[Any], name: str) -> Pass:
        run = super()._pass(modules, name)
        if not (isinstance(modules[0], nn.Linear) or is_activation(modules[0])):
            return run

        def watched(features: Tensor, training: bool) -> Tensor:
            values = run(features, training)
            self.events.append((modules[0], values))
            return values

        return watched


class _Rows(NamedTuple):
    """features: (D, N, in_features), scaled, of D folds. target: raw. at: the fold of each member."""

    features: Tensor
    target: Tensor
    at: Tensor

    def by_member(self, values: Tensor) -> Tensor:
        return of_members(values, self.at)


def _rows(members: Sequence[Member], part: Callable[[Splits], Part]) -> _Rows:
    first, at = by_fold(members)
    parts = [part(one.lab.splits) for one in first]
    scales: list[Any] = [one.lab.learner.network.scale for one in first]
    features = [scale(part.features) for scale, part in zip(scales, parts, strict=True)]
    return _Rows(_stacked(features), _stacked([part.target for part in parts]), at)


def _stacked(parts: Sequence[Tensor]) -> Tensor:
    return torch.stack(list(parts)) if len(parts) > 1 else parts[0].unsqueeze(0)  # which copies nothing


def _chunks(members: Sequence[Member]) -> Iterator[range]:
    """Places of so many as fit."""
    network: Any = members[0].lab.learner.network
    widest = max(max(parameter.shape) for parameter in network.parameters())
    size = max(1, MAX_STATISTICS_NUMBERS // (widest * min(MOST_ROWS, len(members[0].lab.splits.measured))))
    for start in range(0, len(members), size):
        yield range(start, min(start + size, len(members)))
