"""Remedies are overrides of keys that the run has, and change it."""

import re
from collections.abc import Callable, Mapping
from typing import Any

import pytest

import mlplab
from mlplab.analysis import remedies
from mlplab.config.tree import flatten, to_plain

REMEDIES: dict[str, Callable[[Mapping[str, Any]], str]] = {
    **{name: getattr(remedies, name) for name in ("overfitting", "bigger", "too_high", "too_low", "vanishing", "leak")},
    **{"unlike": remedies.unlike, "uneven": remedies.uneven, "dead": lambda s: remedies.dead(s, at_start=False)},
    **{"no better": lambda s: remedies.no_better(s, learned=False), "longer": lambda s: remedies.longer(s, 50)},
}
RUNS = {
    "default": (),
    "linear": ("data=iris", "model=linear", "optimizer=sgd"),
    "residual": ("data=breast_cancer", "model=residual_mlp", "optimizer=adamw", "activation=tanh"),
    "maxout": ("data=moons", "model=maxout", "optimizer=lbfgs"),
    "dropped": ("model.dropout=0.6", "optimizer=adamw", "optimizer.weight_decay=1.5", "scheduler=cosine"),
    "sigmoid": ("activation=sigmoid", "model.normalisation=layer", "optimizer=momentum"),
}
SUGGESTED = re.compile(r"(?<![\w.])([a-z_]+(?:\.[a-z_]+)*)=(\[[\d,]+\]|[\w.+/-]*\w)")


def settings(*overrides: str) -> dict[str, Any]:
    return dict(flatten(to_plain(mlplab.configure(*overrides))))


@pytest.mark.slow
@pytest.mark.parametrize("run", RUNS)
def test_suggested_overrides_are_valid_and_change_the_run(run: str) -> None:
    before = settings(*RUNS[run])
    texts = [remedy_of(before) for remedy_of in REMEDIES.values()]
    assert all(text.startswith(("Try ", "The network ")) for text in texts)
    overrides = {found for text in texts for found in SUGGESTED.findall(text) if "COLUMN" not in found[1]}
    assert len(overrides) > 8
    for group, choice in (one for one in overrides if "." not in one[0]):
        assert settings(*RUNS[run], f"{group}={choice}") != before, group
    values = sorted(one for one in overrides if "." in one[0] and one != ("optimizer.weight_decay", "0.1"))
    while values:  # several at once, each key with one value
        taken = dict(values)
        values = [one for one in values if one not in taken.items()]
        changed = settings(*RUNS[run], *(f"{key}={value}" for key, value in taken.items()))
        assert not [key for key in taken if changed[key] == before[key]]


def test_decoupled_weight_decay_comes_with_its_optimizer() -> None:
    overrides = ("optimizer=adamw", "optimizer.weight_decay=0.1")
    assert " ".join(overrides) in remedies.overfitting(settings())
    assert settings(*overrides)["optimizer.weight_decay"] == 0.1


def test_suggestions_use_keys_of_the_run() -> None:
    assert "dropout" not in remedies.overfitting(settings(*RUNS["linear"]))
    assert "callback=early_stopping" not in remedies.overfitting(settings("callback=early_stopping"))
    assert "data.num_train larger" in remedies.overfitting(settings("data.num_train=200"))
    assert remedies.bigger(settings(*RUNS["linear"])).startswith("Try model=mlp")
    assert "model.hidden_features=[32,128]" in remedies.bigger(settings("model.hidden_features=[2,32]"))
    assert "model.dropout=0.2" in remedies.bigger(settings("model.dropout=0.6"))
    assert "activation=relu" in remedies.vanishing(settings("activation=sigmoid"))
    assert "activation=relu" not in remedies.vanishing(settings())


def test_learning_rates_are_changed_by_tens() -> None:
    assert "optimizer.lr=0.0001" in remedies.too_high(settings())
    assert "Try optimizer.lr=0.01 or optimizer.lr=0.1" in remedies.too_low(settings())


def test_units_dead_from_the_start_are_not_due_to_the_learning_rate() -> None:
    assert "optimizer.lr" in remedies.dead(settings(), at_start=False)
    assert "optimizer.lr" not in remedies.dead(settings(), at_start=True)


def test_two_classes_have_a_weight_of_another_name() -> None:
    assert "loss.weight=balanced" in remedies.uneven(settings("data=iris"))
    assert "loss.pos_weight=balanced" in remedies.uneven(settings("data=moons"))
    assert "balanced" not in remedies.uneven(settings("data=iris", "loss.weight=balanced"))


def test_a_run_with_a_scheduler_of_fixed_length_is_not_resumed() -> None:
    assert "scripts/resume.py" in remedies.longer(settings(), 50)
    assert "scripts/resume.py" not in remedies.longer(settings("scheduler=cosine"), 50)
    assert "trainer.max_epochs=100" in remedies.longer(settings("scheduler=cosine"), 50)


def test_data_computed_by_a_formula_may_be_perfect() -> None:
    assert all(remedies.made_by_formula(settings(f"data={name}")) for name in ("moons", "line", "spiral", "function"))
    assert not any(remedies.made_by_formula(settings(f"data={name}")) for name in ("iris", "digits", "california"))


def test_copies_of_a_photo_have_the_official_split() -> None:
    copied = {"data.copy_distance": 3.0, "data.split": "random"}
    assert "data.split=official" in remedies.leak(copied)
    assert "data.split=official" not in remedies.leak({**copied, "data.split": "official"})
    assert "data.leak_check=full" in remedies.leak({"data.leak_check": "cheap"})
    assert "data.leak_check=full" not in remedies.leak({"data.leak_check": "full"})
