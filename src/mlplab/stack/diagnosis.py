"""Measures all members after training, as `analysis.diagnosis` and the test of a single run measure one."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from mlplab.analysis.diagnosis import MAX_ROWS, Diagnosis, layer_facts, row_facts, row_losses, validation_rise
from mlplab.analysis.layer_statistics import Call, Layer, is_activation, statistics_by_network, trace_calls
from mlplab.stack.data import group_by_fold, stack_rows
from mlplab.stack.losses import stacked_loss
from mlplab.stack.member import Member, MemberState
from mlplab.stack.metrics import Scores, compute_metrics, encode_targets, stacked_outputs
from mlplab.stack.network import Pass, StackedNetwork
from mlplab.stack.weights import Snapshot, Weights, concatenate_snapshots

MAX_ACTIVATIONS = 2**18  # of the widest layer at once: fresh memory is slow


class FinalMetrics(NamedTuple):
    """diagnosis: of the last weights. test: scores of the best weights, by name."""

    diagnosis: Diagnosis
    test: dict[str, float]


def final_metrics(states: Sequence[MemberState]) -> dict[int, FinalMetrics]:
    """Computes final metrics by index of the member, for those that ended without a failure."""
    ended = [state for state in states if not state.member.failure and state.member.has_ended]
    if not ended:
        return {}
    members = [state.member for state in ended]
    last = concatenate_snapshots([state.last for state in ended])
    best = concatenate_snapshots([state.best for state in ended])
    final_layers = measured_layers(members, last)
    test, rises = _test_scores_and_rises(members, last, best)
    first, _ = group_by_fold(members)
    facts = {member.fold: row_facts(member.learner, member.splits) for member in first}
    found = {}
    for place, (member, layers, rise) in enumerate(zip(members, final_layers, rises, strict=True)):
        diagnosis = {**facts[member.fold], "layers": layer_facts(member.initial_layers, layers), "rise": rise}
        scores = {f"{name}/test": values[place] for name, values in test.items()}
        found[member.index] = FinalMetrics(diagnosis, scores)
    return found


def measured_layers(members: Sequence[Member], snapshot: Snapshot | None = None) -> list[list[Layer]]:
    """Returns layer statistics of each member. snapshot: of their weights; without one those of their networks are
    used."""
    found: list[list[Layer]] = []
    for places in _chunks(members):
        some = [members[place] for place in places]
        learners = [member.learner for member in some]
        networks = [learner.network for learner in learners]
        weights = Weights(networks)
        network = _TracedNetwork(networks, weights)
        if snapshot:
            network.load(snapshot.select(places))
        rows = stack_rows(some, lambda splits: splits.measured.first(MAX_ROWS))
        loss = stacked_loss([learner.measured_loss for learner in learners])
        target = encode_targets(learners, rows.per_member(rows.target))
        losses = loss(network(rows.per_member(rows.features), False), target)
        gradients = dict(zip(weights.leaves, weights.gradients(losses.sum()), strict=True))
        calls = [
            Call(network.names[linear], values.detach(), activation, gradients[f"{network.names[linear]}.weight"])
            for linear, values, activation in trace_calls(network.events)
        ]
        found += statistics_by_network(calls)
    return found


@torch.no_grad()
def _test_scores_and_rises(
    members: Sequence[Member], last: Snapshot, best: Snapshot
) -> tuple[Scores, list[dict[str, float]]]:
    """Returns test scores of the best weights, and the rise of the validation loss from the best weights to the
    last."""
    learners = [member.learner for member in members]
    networks = [learner.network for learner in learners]
    network = StackedNetwork(networks, Weights(networks))
    val = stack_rows(members, lambda splits: splits.val.first(MAX_ROWS))
    test = stack_rows(members, lambda splits: splits.test)
    network.load(last)
    at_last = stacked_outputs(network, val)
    network.load(best)
    at_best = stacked_outputs(network, val)
    output = stacked_outputs(network, test)
    targets = val.per_member(val.target).expand(len(members), *val.target.shape[1:])
    rises = [
        validation_rise(row_losses(learner, before, target), row_losses(learner, after, target))
        for learner, before, after, target in zip(learners, at_best, at_last, targets, strict=True)
    ]
    return compute_metrics(learners, output, test.per_member(test.target)), rises


class _TracedNetwork(StackedNetwork):
    """events: the output of each linear layer and each activation, in the order of their calls."""

    def __init__(self, networks: Sequence[Any], weights: Weights) -> None:
        self.names = {module: name for name, module in networks[0].named_modules()}
        self.events: list[tuple[nn.Module, Tensor]] = []
        super().__init__(networks, weights)

    def build(self, modules: Sequence[Any], name: str) -> Pass:
        run = super().build(modules, name)
        if not (isinstance(modules[0], nn.Linear) or is_activation(modules[0])):
            return run

        def traced(features: Tensor, training: bool) -> Tensor:
            values = run(features, training)
            self.events.append((modules[0], values))
            return values

        return traced


def _chunks(members: Sequence[Member]) -> Iterator[range]:
    """Returns ranges of as many members as may be measured at once."""
    widest = max(max(parameter.shape) for parameter in members[0].learner.network.parameters())
    size = max(1, MAX_ACTIVATIONS // (widest * min(MAX_ROWS, len(members[0].splits.measured))))
    for start in range(0, len(members), size):
        yield range(start, min(start + size, len(members)))
