"""Loss and metrics of K members at once, equal to `Learner.measure` of each but for the rounding of sums."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from mlplab.analysis.diagnosis import MAX_ROWS, Diagnosis, layer_facts, row_facts, row_losses, validation_rise
from mlplab.analysis.layer_statistics import Call, Layer, is_activation, statistics_by_member, trace_calls
from mlplab.data.splits import Split, Splits
from mlplab.learner.binary_classifier import BinaryClassifier
from mlplab.learner.classifier import Classifier
from mlplab.learner.learner import Learner
from mlplab.learner.regressor import Regressor
from mlplab.stack.data import by_fold, expand_folds
from mlplab.stack.member import Member, Of
from mlplab.stack.network import MemberGenerators, Pass, StackedNetwork, stacked_loss
from mlplab.stack.weights import Snapshot, Weights, concatenate, load_all

Scores = dict[str, list[float]]
MAX_METRICS_NUMBERS = 2**19  # of one layer's activations at once: they stay in the caches


def stacked_outputs(network: StackedNetwork, features: Tensor, by_member: Callable[[Tensor], Tensor]) -> Tensor:
    """(K, N, out_features) of scaled features (D, N, in_features). by_member: from D folds to K members."""
    widest = max(max(leaf.shape[1:]) for leaf in network.weights.leaves.values())
    blocks = torch.split(features, max(1, MAX_METRICS_NUMBERS // (network.count * widest)), dim=1)
    return torch.cat([network(by_member(block), False) for block in blocks], dim=1)


def encode_targets(learners: Sequence[Learner], target: Tensor) -> Tensor:
    """(K, N, ...) as the loss takes them, of raw targets (K, N, ...), or (1, N, ...) where all have the same."""
    each = _each(learners[: len(target)], "encode", target)
    return each.expand(len(learners), *each.shape[1:])


def compute_metrics(learners: Sequence[Learner], output: Tensor, target: Tensor) -> Scores:
    """output: (K, N, out_features). target: raw, (K, N) or (K, N, T), or (1, ...) where all members have the same.

    In double precision each is measured by its own learner: there digits are asked for, not speed.
    """
    metrics = next((METRICS[kind] for kind in type(learners[0]).__mro__ if kind in METRICS), None)
    if metrics is None or output.dtype == torch.float64:
        targets = target.expand(len(learners), *target.shape[1:])
        each = [learner.measure(one, its) for learner, one, its in zip(learners, output, targets, strict=True)]
        return {name: [scores[name] for scores in each] for name in each[0]}
    loss = stacked_loss([learner.measured_loss for learner in learners])(output, encode_targets(learners, target))
    found = {"loss": loss, **metrics(learners[: len(target)], output, target[0] if len(target) == 1 else target)}
    return {name: values.tolist() for name, values in found.items()}


def _each(learners: Sequence[Learner], name: str, values: Tensor) -> Tensor:
    """`encode` or `decode` of (K, N, ...): by each learner what it has learned from its rows, of classes nothing."""
    if isinstance(learners[0], Regressor) and len(learners) > 1:
        return torch.stack([getattr(one, name)(its) for one, its in zip(learners, values, strict=True)])
    found: Tensor = getattr(learners[0], name)(values.flatten(0, 1)).unflatten(0, values.shape[:2])
    return found


def _confusion(decided: Tensor, target: Tensor, classes: int) -> Tensor:
    """(K, classes, classes) counts: a row is a true class, a column a decided. target: (N,) of all, or (K, N)."""
    member = torch.arange(len(decided))[:, None]
    cells = torch.bincount(
        ((member * classes + target) * classes + decided).flatten(), minlength=len(decided) * classes**2
    )
    return cells.view(-1, classes, classes).double()


def _of_classes(learners: Sequence[Classifier], output: Tensor, target: Tensor) -> dict[str, Tensor]:
    """The class of the greatest output is that of the greatest probability."""
    matrix = _confusion(output.argmax(dim=2), target, learners[0].num_classes)
    right, decided, there = matrix.diagonal(dim1=1, dim2=2), matrix.sum(dim=1), matrix.sum(dim=2)
    parts = {"precision": right / decided, "recall": right / there, "f1": 2 * right / (decided + there)}
    counted = (decided + there > 0).sum(dim=1)
    averages = {name: part.nan_to_num(0.0).sum(dim=1) / counted for name, part in parts.items()}
    return {"accuracy": right.sum(dim=1) / matrix.sum(dim=(1, 2)), **averages}


def _of_two(learners: Sequence[BinaryClassifier], output: Tensor, target: Tensor) -> dict[str, Tensor]:
    predictions = _each(learners, "decode", output)
    matrix = _confusion((predictions >= learners[0].threshold).long(), target, 2)
    right, decided, there = matrix[:, 1, 1], matrix[:, :, 1].sum(dim=1), matrix[:, 1].sum(dim=1)
    parts = {"precision": right / decided, "recall": right / there, "f1": 2 * right / (decided + there)}
    accuracy = matrix.diagonal(dim1=1, dim2=2).sum(dim=1) / matrix.sum(dim=(1, 2))
    shares = {name: part.nan_to_num(0.0) for name, part in parts.items()}
    return {"accuracy": accuracy, **shares, "auroc": _auroc(predictions, target)}


def _auroc(predictions: Tensor, target: Tensor) -> Tensor:
    """The share of pairs, one of each class, that stand in the right order; a tie counts half."""
    if target.ndim == 2:
        return torch.cat([_auroc(one[None], its) for one, its in zip(predictions, target, strict=True)])
    ones, zeros = predictions[:, target == 1].contiguous(), predictions[:, target == 0].sort(dim=1).values
    if not ones.numel() or not zeros.numel():
        return torch.zeros(len(predictions))
    pairs = ones.shape[1] * zeros.shape[1]
    below = torch.searchsorted(zeros, ones) + torch.searchsorted(zeros, ones, right=True)
    return below.sum(dim=1).double() / (2 * pairs)


def _of_values(learners: Sequence[Regressor], output: Tensor, target: Tensor) -> dict[str, Tensor]:
    predictions, target = _each(learners, "decode", output).double(), target.double()
    error = predictions - target
    squares, total = error.square(), (target - target.mean(dim=-2, keepdim=True)).square().sum(dim=-2)
    residual = squares.sum(dim=1)
    fitted = torch.where(total > 0, 1 - residual / total, (residual == 0).double()).mean(dim=1)
    squared = squares.mean(dim=(1, 2))
    return {"mse": squared, "rmse": squared.sqrt(), "mae": error.abs().mean(dim=(1, 2)), "r2": fitted}


METRICS: dict[type, Callable[[Any, Tensor, Tensor], dict[str, Tensor]]] = {
    Classifier: _of_classes,
    BinaryClassifier: _of_two,
    Regressor: _of_values,
}
MAX_STATISTICS_NUMBERS = 2**18  # of one layer's activations at once: memory that was never used is slow


class FinalMetrics(NamedTuple):
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
            load_all(held.only(places), weights, network)
        rows = _rows(some, lambda splits: splits.measured.first(MAX_ROWS))
        target = encode_targets(learners, rows.by_member(rows.target))
        losses = stacked_loss([one.measured_loss for one in learners])(
            network(rows.by_member(rows.features), False), target
        )
        gradients = dict(zip(weights.leaves, weights.gradients(losses.sum()), strict=True))
        calls = [
            Call(network.names[linear], values.detach(), activation, gradients[f"{network.names[linear]}.weight"])
            for linear, values, activation in trace_calls(network.events)
        ]
        found += statistics_by_member(calls)
    return found


def final_metrics(ended: Sequence[Of]) -> dict[int, FinalMetrics]:
    """Of those that came to their end, by the identity of the member."""
    whole = [one for one in ended if not one[0].failure and one[0].has_ended]
    if not whole:
        return {}
    members = [member for member, *_ in whole]
    last, best = (concatenate(parts) for parts in list(zip(*whole, strict=True))[1:])
    learners: list[Any] = [one.lab.learner for one in members]
    end = measured_layers(members, last)
    val = _rows(members, lambda splits: splits.val.first(MAX_ROWS))
    test = _rows(members, lambda splits: splits.test)
    with torch.no_grad():
        networks = [one.network for one in learners]
        weights = Weights(networks)
        network = StackedNetwork(networks, weights, MemberGenerators([]))
        load_all(last, weights, network)
        before = stacked_outputs(network, val.features, val.by_member)
        load_all(best, weights, network)
        after = stacked_outputs(network, val.features, val.by_member)
        scores = compute_metrics(
            learners, stacked_outputs(network, test.features, test.by_member), test.by_member(test.target)
        )
        targets = val.by_member(val.target).expand(len(members), *val.target.shape[1:])
        rises = [
            validation_rise(row_losses(one, at_best, target), row_losses(one, at_last, target))
            for one, at_best, at_last, target in zip(learners, after, before, targets, strict=True)
        ]
    constants: dict[int, Diagnosis] = {}
    found = {}
    for place, (one, its_end, its_rise) in enumerate(zip(members, end, rises, strict=True)):
        splits = one.lab.splits
        if id(splits) not in constants:
            constants[id(splits)] = row_facts(one.lab.learner, splits)
        told = {**constants[id(splits)], "layers": layer_facts(one.start, its_end), "rise": its_rise}
        found[id(one)] = FinalMetrics(told, {f"{name}/test": values[place] for name, values in scores.items()})
    return found


class _Watched(StackedNetwork):
    """events: what each linear layer and each activation handed on, in the order of their calls."""

    def __init__(self, networks: Sequence[Any], weights: Weights) -> None:
        self.names = {module: name for name, module in networks[0].named_modules()}
        self.events: list[tuple[nn.Module, Tensor]] = []
        super().__init__(networks, weights, MemberGenerators([]))

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
        return expand_folds(values, self.at)


def _rows(members: Sequence[Member], part: Callable[[Splits], Split]) -> _Rows:
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
    size = max(1, MAX_STATISTICS_NUMBERS // (widest * min(MAX_ROWS, len(members[0].lab.splits.measured))))
    for start in range(0, len(members), size):
        yield range(start, min(start + size, len(members)))
