"""Measured together, members score what each scores by its own learner."""

from typing import Any

import pytest
import torch
from torch import nn

from mlplab.learner.binary_classifier import BinaryClassifier
from mlplab.learner.classifier import Classifier
from mlplab.learner.learner import Learner
from mlplab.learner.regressor import Regressor
from mlplab.stack.metrics import compute_metrics


def learners(kind: type[Learner], loss: nn.Module, outputs: int, **more: Any) -> list[Learner]:
    return [kind(nn.Linear(3, outputs), loss, **more) for _ in range(3)]


def compare(held: list[Learner], output: torch.Tensor, target: torch.Tensor) -> None:
    together = compute_metrics(held, output, target[None])
    for place, learner in enumerate(held):
        for name, value in learner.measure(output[place], target).items():
            assert together[name][place] == pytest.approx(value, rel=1e-5, abs=1e-6), name


@pytest.mark.parametrize("loss", [nn.CrossEntropyLoss(label_smoothing=0.2), nn.MSELoss()])
def test_classes(loss: nn.Module) -> None:
    held = learners(Classifier, loss, 4, num_classes=4)
    compare(held, torch.randn(3, 40, 4), torch.randint(3, (40,)))  # one class is never there


def test_two_classes_with_ties() -> None:
    held = learners(BinaryClassifier, nn.BCEWithLogitsLoss(), 1, threshold=0.4)
    compare(held, torch.randn(3, 50, 1).round(decimals=1), torch.randint(2, (50,)))


@pytest.mark.filterwarnings("ignore:No (positive|negative) samples")
def test_two_classes_of_which_one_is_missing() -> None:
    compare(
        learners(BinaryClassifier, nn.BCEWithLogitsLoss(), 1), torch.randn(3, 9, 1), torch.zeros(9, dtype=torch.long)
    )


def test_values() -> None:
    held = learners(Regressor, nn.HuberLoss(), 2, num_targets=2)
    for learner in held:
        learner.learn_target(torch.tensor([[0.0, 5.0], [4.0, 9.0]]))
    compare(held, torch.randn(3, 30, 2), torch.randn(30, 2))


def test_in_double_precision_the_digits_are_the_learners_own() -> None:
    held = [learner.double() for learner in learners(BinaryClassifier, nn.BCEWithLogitsLoss(), 1)]
    output, target = torch.randn(3, 20, 1, dtype=torch.float64), torch.randint(2, (20,))
    together = compute_metrics(held, output, target[None])
    assert [together["auroc"][0], together["loss"][0]] == [
        held[0].measure(output[0], target)[name] for name in ("auroc", "loss")
    ]


def compare_own(held: list[Learner], output: torch.Tensor, target: torch.Tensor) -> None:
    """target: (K, ...), another of each."""
    together = compute_metrics(held, output, target)
    for place, learner in enumerate(held):
        for name, value in learner.measure(output[place], target[place]).items():
            assert together[name][place] == pytest.approx(value, rel=1e-5, abs=1e-6), name


@pytest.mark.parametrize("loss", [nn.CrossEntropyLoss(label_smoothing=0.2), nn.MSELoss()])
def test_classes_of_other_rows_a_member(loss: nn.Module) -> None:
    compare_own(learners(Classifier, loss, 4, num_classes=4), torch.randn(3, 40, 4), torch.randint(4, (3, 40)))


def test_two_classes_of_other_rows_a_member() -> None:
    held = learners(BinaryClassifier, nn.BCEWithLogitsLoss(), 1)
    compare_own(held, torch.randn(3, 50, 1).round(decimals=1), torch.randint(2, (3, 50)))


def test_class_weights_of_a_members_own() -> None:
    of_one = [
        Classifier(nn.Linear(3, 3), nn.CrossEntropyLoss(torch.tensor([1.0, 2.0, own])), num_classes=3)
        for own in (0.5, 3.0)
    ]
    compare_own([*of_one], torch.randn(2, 40, 3), torch.randint(3, (2, 40)))
    of_two = [BinaryClassifier(nn.Linear(3, 1), nn.BCEWithLogitsLoss(pos_weight=torch.tensor([w]))) for w in (0.5, 3.0)]
    compare_own([*of_two], torch.randn(2, 40, 1), torch.randint(2, (2, 40)))


def test_values_of_other_rows_a_member_in_the_scale_of_each() -> None:
    held = learners(Regressor, nn.MSELoss(), 2, num_targets=2)
    target = torch.randn(3, 30, 2) * torch.tensor([1.0, 10.0, 100.0])[:, None, None]
    for learner, own in zip(held, target, strict=True):
        learner.learn_target(own)
    compare_own(held, torch.randn(3, 30, 2), target)
    doubles = [learner.double() for learner in held]
    compare_own(doubles, torch.randn(3, 30, 2, dtype=torch.float64), target.double())
