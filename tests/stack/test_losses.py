"""The losses of all members at once are those of each member."""

import pytest
import torch
from torch import Tensor, nn

from mlplab.learner.losses import RootMeanSquaredError
from mlplab.stack.losses import stacked_loss

WEIGHT = torch.tensor([0.5, 1.0, 2.5], dtype=torch.float64)


def check(losses: list[nn.Module], output: Tensor, target: Tensor) -> None:
    expected = torch.stack([loss(*rows) for loss, *rows in zip(losses, output, target, strict=True)])
    torch.testing.assert_close(stacked_loss(losses)(output, target), expected)


@pytest.mark.parametrize(
    "losses",
    [
        [nn.CrossEntropyLoss(), nn.CrossEntropyLoss()],
        [nn.CrossEntropyLoss(label_smoothing=0.1), nn.CrossEntropyLoss(label_smoothing=0.3)],
        [nn.CrossEntropyLoss(WEIGHT, label_smoothing=0.1), nn.CrossEntropyLoss(WEIGHT)],
        [nn.CrossEntropyLoss(WEIGHT, label_smoothing=0.1), nn.CrossEntropyLoss(2 * WEIGHT.flip(0))],
    ],
)
def test_classification(losses: list[nn.Module]) -> None:
    check(losses, torch.randn(2, 9, 3, dtype=torch.float64), torch.randint(3, (2, 9)))


@pytest.mark.parametrize(
    "loss",
    [
        *(nn.MSELoss(), nn.L1Loss(), nn.HuberLoss(delta=0.5), RootMeanSquaredError()),
        nn.BCEWithLogitsLoss(pos_weight=torch.tensor([2.0], dtype=torch.float64)),
    ],
    ids=lambda loss: type(loss).__name__,
)
def test_regression_and_binary_classification(loss: nn.Module) -> None:
    check([loss, loss], torch.randn(2, 9, 1, dtype=torch.float64), torch.rand(2, 9, 1, dtype=torch.float64))


def test_each_member_may_have_its_own_weight_of_the_positive_class() -> None:
    losses: list[nn.Module] = [
        nn.BCEWithLogitsLoss(pos_weight=torch.tensor([weight], dtype=torch.float64)) for weight in (0.5, 3.0)
    ]
    check(losses, torch.randn(2, 9, 1, dtype=torch.float64), torch.rand(2, 9, 1, dtype=torch.float64))
