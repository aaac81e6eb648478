"""The losses of all members at once are those of each by itself."""

import pytest
import torch
from torch import nn

from mlplab.learner.losses import RootMeanSquaredError
from mlplab.stack.network import stacked_loss

WEIGHT = torch.tensor([0.5, 1.0, 2.5], dtype=torch.float64)


@pytest.mark.parametrize(
    "losses",
    [
        [nn.CrossEntropyLoss(), nn.CrossEntropyLoss()],
        [nn.CrossEntropyLoss(label_smoothing=0.1), nn.CrossEntropyLoss(label_smoothing=0.3)],
        [nn.CrossEntropyLoss(WEIGHT, label_smoothing=0.1), nn.CrossEntropyLoss(WEIGHT)],
        [nn.CrossEntropyLoss(WEIGHT, label_smoothing=0.1), nn.CrossEntropyLoss(2 * WEIGHT.flip(0))],
    ],
)
def test_of_classes(losses: list[nn.Module]) -> None:
    output, target = torch.randn(2, 9, 3, dtype=torch.float64), torch.randint(3, (2, 9))
    expected = torch.stack([loss(one, its) for loss, one, its in zip(losses, output, target, strict=True)])
    torch.testing.assert_close(stacked_loss(losses)(output, target), expected)


@pytest.mark.parametrize(
    "loss",
    [
        *(nn.MSELoss(), nn.L1Loss(), nn.HuberLoss(delta=0.5), RootMeanSquaredError()),
        nn.BCEWithLogitsLoss(pos_weight=torch.tensor([2.0], dtype=torch.float64)),
    ],
    ids=lambda loss: type(loss).__name__,
)
def test_of_values_and_of_two_classes(loss: nn.Module) -> None:
    output, target = torch.randn(2, 9, 1, dtype=torch.float64), torch.rand(2, 9, 1, dtype=torch.float64)
    expected = torch.stack([loss(one, its) for one, its in zip(output, target, strict=True)])
    torch.testing.assert_close(stacked_loss([loss, loss])(output, target), expected)


def test_of_two_classes_each_may_have_a_weight_of_its_own() -> None:
    losses = [nn.BCEWithLogitsLoss(pos_weight=torch.tensor([own], dtype=torch.float64)) for own in (0.5, 3.0)]
    output, target = torch.randn(2, 9, 1, dtype=torch.float64), torch.rand(2, 9, 1, dtype=torch.float64)
    expected = torch.stack([loss(one, its) for loss, one, its in zip(losses, output, target, strict=True)])
    torch.testing.assert_close(stacked_loss(losses)(output, target), expected)
