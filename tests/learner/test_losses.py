"""Losses of values between probabilities and targets, by hand, and why cross entropy learns better."""

import math

import pytest
import torch
from torch import nn

from mlplab.learner.losses import OnProbabilities

# softmax of (ln 0.3, ln 0.6, ln 0.1) is (0.3, 0.6, 0.1)
OUTPUT = torch.tensor([[0.3, 0.6, 0.1], [0.8, 0.1, 0.1]], dtype=torch.float64).log()
TARGET = torch.tensor([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]], dtype=torch.float64)


def test_the_error_is_that_of_the_probabilities_over_all_entries() -> None:
    # squares: 0.09 + 0.16 + 0.01, 0.64 + 0.01 + 0.81; sizes: 0.3 + 0.4 + 0.1, 0.8 + 0.1 + 0.9
    squared = OnProbabilities(nn.MSELoss(), nn.Softmax(dim=1))(OUTPUT, TARGET)
    absolute = OnProbabilities(nn.L1Loss(), nn.Softmax(dim=1))(OUTPUT, TARGET)
    assert squared.item() == pytest.approx(1.72 / 6, rel=1e-12)
    assert absolute.item() == pytest.approx(2.6 / 6, rel=1e-12)


def test_the_sigmoid_form_has_one_probability_a_row() -> None:
    loss = OnProbabilities(nn.MSELoss(), nn.Sigmoid())
    # sigmoid(ln 3) = 0.75
    value = loss(torch.tensor([[math.log(3)], [0.0]]), torch.tensor([[1.0], [1.0]]))
    assert value.item() == pytest.approx((0.25**2 + 0.5**2) / 2, rel=1e-6)


def test_a_confident_wrong_answer_hardly_moves_it_where_cross_entropy_pulls() -> None:
    output = torch.tensor([[10.0]], dtype=torch.float64, requires_grad=True)
    p = 1 / (1 + math.exp(-10))
    for loss, slope in (
        (OnProbabilities(nn.MSELoss(), nn.Sigmoid()), 2 * p * p * (1 - p)),  # 0.00009
        (nn.BCEWithLogitsLoss(), p),  # 0.99995
    ):
        (gradient,) = torch.autograd.grad(loss(output, torch.zeros_like(output)), output)
        assert gradient.item() == pytest.approx(slope, rel=1e-9)
