"""Measured together, members have the diagnosis and the test scores that each has alone."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch

from mlplab.analysis.diagnosis import diagnose
from mlplab.analysis.diagnosis import measured_layers as layers_of_one
from mlplab.analysis.layer_statistics import Layer
from mlplab.stack import diagnosis
from mlplab.stack.assemble import assemble_members
from mlplab.stack.diagnosis import final_metrics, measured_layers
from mlplab.stack.fit import StackedFit
from mlplab.stack.member import MemberState
from mlplab.stack.weights import Weights
from tests.stack.conftest import EXACT

FEW = ("trainer.max_epochs=3",)
SEEDS = [["seed=0"], ["seed=1"], ["seed=2"]]
CASES: list[tuple[Sequence[str], Sequence[Sequence[str]]]] = [
    ((), [["seed=0"], ["loss.label_smoothing=0.2"], ["optimizer.lr=0.1"]]),
    (("activation=tanh", "model.normalisation=batch"), SEEDS),
    (("activation=sigmoid", "loss.weight=balanced"), SEEDS),
    (("model=maxout",), SEEDS),
    (("model=residual_mlp", "model.width=8", "model.hidden_features=null"), SEEDS),
    (("model.max_norm=1.0", "model.dropout=0.3", "model.normalisation=layer"), SEEDS),
    (("data=breast_cancer",), SEEDS),
    (("data=diabetes", "learner.target_scaling=standard", "loss=huber"), SEEDS),
    (("data.folds=3",), [["data.fold=0"], ["data.fold=1"], ["data.fold=0", "seed=5"]]),
    (("data=diabetes", "data.folds=3"), [["data.fold=0"], ["data.fold=1"], ["data.fold=2"]]),
]


def close(left: Any, right: Any) -> bool:
    """Whether nested containers are equal to 1e-9."""
    if isinstance(left, dict):
        return list(left) == list(right) and all(close(left[name], right[name]) for name in left)
    if isinstance(left, list):
        return len(left) == len(right) and all(map(close, left, right))
    return bool(left == (pytest.approx(right, rel=1e-9, abs=1e-12) if isinstance(right, float) else right))


def plain(layers: Sequence[Layer]) -> list[Any]:
    return [vars(layer) for layer in layers]


@pytest.mark.parametrize("size", [None, 1])
@pytest.mark.parametrize(("base", "own"), CASES, ids=lambda overrides: " ".join(map(str, overrides))[:40])
def test_diagnosis_and_test_scores_are_those_of_the_single_run(
    base: Sequence[str],
    own: Sequence[Sequence[str]],
    size: int | None,
    configured: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """size: activations at once, which make blocks of one member each."""
    if size:
        monkeypatch.setattr(diagnosis, "MAX_ACTIVATIONS", size)
    residual = "model=residual_mlp" in base
    shared = [override for override in (*EXACT, *FEW, *base) if not (residual and "hidden" in override)]
    members = assemble_members([configured(*shared, *overrides) for overrides in own])
    for member in members:
        assert close(plain(member.initial_layers), plain(layers_of_one(member.learner, member.splits)))
    calls: list[tuple[Weights, Sequence[MemberState]]] = []
    StackedFit(members, lambda weights, ended: calls.append((weights, ended))).run()
    ((weights, ended),) = calls
    together = final_metrics(ended)
    for member, last, best in ended:
        learner, splits = member.learner, member.splits
        best.load_into(learner.network, weights)
        at_best = {name: value.clone() for name, value in learner.state_dict().items()}
        last.load_into(learner.network, weights)
        alone = diagnose(learner, splits, member.initial_layers, at_best)
        assert close(together[member.index].diagnosis, alone)
        learner.eval()
        with torch.no_grad():
            scores = learner.measure(learner.network(splits.test.features), splits.test.target)
        assert close(together[member.index].test, {f"{name}/test": value for name, value in scores.items()})


def test_a_member_that_failed_has_neither(configured: Callable[..., Any]) -> None:
    members = assemble_members([configured(*EXACT, *FEW, f"seed={seed}") for seed in (0, 1)])
    calls: list[Sequence[MemberState]] = []
    StackedFit(members, lambda _, ended: calls.append(ended)).run()
    members[0].failure = "loss is nan"
    assert list(final_metrics(calls[0])) == [1]
    members[1].failure = "loss is nan"
    assert final_metrics(calls[0]) == {}


def test_measuring_draws_no_random_number_and_does_not_change_the_networks(configured: Callable[..., Any]) -> None:
    members = assemble_members([configured(*EXACT, "model.dropout=0.5", f"seed={seed}") for seed in (0, 1)])
    state = torch.get_rng_state()
    before = [value.clone() for value in members[0].learner.state_dict().values()]
    measured_layers(members)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(map(torch.equal, before, members[0].learner.state_dict().values()))
