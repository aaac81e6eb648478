"""Measured together, members have the scores that each has by its own learner."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from mlplab.learner.binary_classifier import BinaryClassifier
from mlplab.learner.classifier import Classifier
from mlplab.learner.learner import Learner
from mlplab.learner.regressor import Regressor
from mlplab.stack.metrics import compute_metrics


def learners(kind: type[Learner], loss: nn.Module, outputs: int, **more: Any) -> list[Learner]:
    return [kind(nn.Linear(3, outputs), loss, **more) for _ in range(3)]


def compare(own: list[Learner], output: Tensor, target: Tensor) -> None:
    """target: (K, N, ...), or (1, N, ...) where all members share it."""
    together = compute_metrics(own, output, target)
    for place, (learner, rows) in enumerate(zip(own, target.expand(len(own), *target.shape[1:]), strict=True)):
        for name, value in learner.measure(output[place], rows).items():
            assert together[name][place] == pytest.approx(value, rel=1e-5, abs=1e-6), name


@pytest.mark.parametrize("loss", [nn.CrossEntropyLoss(label_smoothing=0.2), nn.MSELoss()])
@pytest.mark.parametrize("different", [1, 3], ids=["one target", "a target each"])
def test_classification(loss: nn.Module, different: int) -> None:
    compare(learners(Classifier, loss, 4, num_classes=4), torch.randn(3, 40, 4), torch.randint(4, (different, 40)))


def test_classification_without_rows_of_one_class() -> None:
    own = learners(Classifier, nn.CrossEntropyLoss(), 4, num_classes=4)
    compare(own, torch.randn(3, 40, 4), torch.randint(3, (1, 40)))


@pytest.mark.parametrize("different", [1, 3], ids=["one target", "a target each"])
def test_binary_classification_with_ties(different: int) -> None:
    own = learners(BinaryClassifier, nn.BCEWithLogitsLoss(), 1, threshold=0.4)
    compare(own, torch.randn(3, 50, 1).round(decimals=1), torch.randint(2, (different, 50)))


@pytest.mark.filterwarnings("ignore:No (positive|negative) samples")
def test_binary_classification_with_one_class_missing() -> None:
    own = learners(BinaryClassifier, nn.BCEWithLogitsLoss(), 1)
    compare(own, torch.randn(3, 9, 1), torch.zeros(1, 9, dtype=torch.long))


def test_members_with_different_class_weights() -> None:
    losses = [nn.CrossEntropyLoss(torch.tensor([1.0, 2.0, weight])) for weight in (0.5, 3.0)]
    compare([Classifier(nn.Linear(3, 3), loss, 3) for loss in losses], torch.randn(2, 40, 3), torch.randint(3, (2, 40)))
    binary = [nn.BCEWithLogitsLoss(pos_weight=torch.tensor([weight])) for weight in (0.5, 3.0)]
    own: list[Learner] = [BinaryClassifier(nn.Linear(3, 1), loss) for loss in binary]
    compare(own, torch.randn(2, 40, 1), torch.randint(2, (2, 40)))


def test_regression() -> None:
    own = learners(Regressor, nn.HuberLoss(), 2, num_targets=2)
    for learner in own:
        learner.learn_target(torch.tensor([[0.0, 5.0], [4.0, 9.0]]))
    compare(own, torch.randn(3, 30, 2), torch.randn(1, 30, 2))


def test_regression_with_a_target_and_a_scaling_each() -> None:
    own = learners(Regressor, nn.MSELoss(), 2, num_targets=2)
    target = torch.randn(3, 30, 2) * torch.tensor([1.0, 10.0, 100.0])[:, None, None]
    for learner, rows in zip(own, target, strict=True):
        learner.learn_target(rows)
    compare(own, torch.randn(3, 30, 2), target)
    doubles = [learner.double() for learner in own]
    compare(doubles, torch.randn(3, 30, 2, dtype=torch.float64), target.double())


def test_in_float64_the_scores_are_exactly_the_learners() -> None:
    own = [learner.double() for learner in learners(BinaryClassifier, nn.BCEWithLogitsLoss(), 1)]
    output, target = torch.randn(3, 20, 1, dtype=torch.float64), torch.randint(2, (20,))
    together = compute_metrics(own, output, target[None])
    expected = own[0].measure(output[0], target)
    assert {name: values[0] for name, values in together.items()} == expected
