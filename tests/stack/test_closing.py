"""What is measured of all members at once is what `diagnose` and the test measure of each."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch

from mlplab.analysis.diagnosis import diagnose
from mlplab.analysis.diagnosis import measured_layers as layers_of_one
from mlplab.analysis.layer_statistics import Layer
from mlplab.stack import metrics
from mlplab.stack.fit import StackedFit
from mlplab.stack.member import Of
from mlplab.stack.metrics import final_metrics, measured_layers
from mlplab.stack.train import assemble_members
from mlplab.stack.weights import Weights, load_member
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
    """To 1e-9, in nested containers."""
    if isinstance(left, dict):
        return list(left) == list(right) and all(close(left[name], right[name]) for name in left)
    if isinstance(left, list):
        return len(left) == len(right) and all(map(close, left, right))
    return bool(left == (pytest.approx(right, rel=1e-9, abs=1e-12) if isinstance(right, float) else right))


def plain(layers: Sequence[Layer]) -> list[Any]:
    return [vars(layer) for layer in layers]


@pytest.mark.parametrize("size", [None, 1])
@pytest.mark.parametrize(("base", "own"), CASES, ids=lambda words: " ".join(map(str, words))[:40])
def test_each_member_is_told_what_it_would_be_told_alone(
    base: Sequence[str],
    own: Sequence[Sequence[str]],
    size: int | None,
    configured: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """size: of the blocks, one member each."""
    if size:
        monkeypatch.setattr(metrics, "MAX_STATISTICS_NUMBERS", size)
    words = [word for word in (*EXACT, *FEW, *base) if not ("hidden" in word and "model=residual_mlp" in base)]
    members = assemble_members([configured(*words, *more) for more in own])
    for member in members:
        assert close(plain(member.start), plain(layers_of_one(member.lab.learner, member.lab.splits)))
    kept: list[tuple[Weights, Sequence[Of]]] = []
    StackedFit(members, lambda weights, ended: kept.append((weights, ended))).run()
    ((weights, ended),) = kept
    together = final_metrics(ended)
    for member, last, best in ended:
        learner, splits = member.lab.learner, member.lab.splits
        load_member(best, weights, learner.network)
        at_best = {name: value.clone() for name, value in learner.state_dict().items()}
        load_member(last, weights, learner.network)
        alone = diagnose(learner, splits, member.start, at_best)
        assert close(together[id(member)].diagnosis, alone)
        learner.eval()
        with torch.no_grad():
            scores = learner.measure(learner.network(splits.test.features), splits.test.target)
        assert close(together[id(member)].test, {f"{name}/test": value for name, value in scores.items()})


def test_of_a_member_that_failed_there_is_nothing(configured: Callable[..., Any]) -> None:
    members = assemble_members([configured(*EXACT, *FEW, f"seed={seed}") for seed in (0, 1)])
    kept: list[Sequence[Of]] = []
    StackedFit(members, lambda _, ended: kept.append(ended)).run()
    members[0].failure = "loss is nan"
    assert list(final_metrics(kept[0])) == [id(members[1])]
    members[1].failure = "loss is nan"
    assert final_metrics(kept[0]) == {}


def test_to_measure_draws_no_random_number_and_leaves_the_networks_as_they_are(configured: Callable[..., Any]) -> None:
    members = assemble_members([configured(*EXACT, "model.dropout=0.5", f"seed={seed}") for seed in (0, 1)])
    state = torch.get_rng_state()
    before = [value.clone() for value in members[0].lab.learner.state_dict().values()]
    measured_layers(members)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(map(torch.equal, before, members[0].lab.learner.state_dict().values()))
