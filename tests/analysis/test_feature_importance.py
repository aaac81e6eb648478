"""Inputs whose weight is known."""

import numpy as np
import pytest
import torch
from torch import nn

from mlplab.analysis.feature_importance import permutation_importance
from mlplab.data.splits import Split
from mlplab.learner.regressor import Regressor


def of_weights(*weights: float, rows: int = 400) -> tuple[Regressor, Split]:
    """A learner that is exact."""
    layer = nn.Linear(len(weights), 1, bias=False)
    layer.weight.data = torch.tensor([weights])
    learner = Regressor(layer, nn.MSELoss(), target_scaling="none")
    features = torch.randn(rows, len(weights), generator=torch.Generator().manual_seed(0))
    return learner, Split(features, features @ torch.tensor([weights]).T)


def test_the_rise_is_twice_the_variance_that_an_input_brings() -> None:
    """Shuffled, w x becomes w x': the mean square of w (x - x') is 2 w² var(x)."""
    learner, part = of_weights(3.0, 0.0, 1.0)
    found = permutation_importance(learner, part, {"a": [0], "b": [1], "c": [2]})
    assert found.names == ["a", "b", "c"]
    variance = part.features.var(dim=0, correction=0).numpy()
    assert found.rise == pytest.approx(2 * np.array([9, 0, 1]) * variance, rel=0.15)
    assert found.rise[1] == found.spread[1] == 0
    assert found.rows == 400


def test_the_features_of_one_column_move_together() -> None:
    learner, part = of_weights(1.0, 1.0, 1.0)
    found = permutation_importance(learner, part, {"size": [0], "colour": [1, 2]})
    assert found.names == ["size", "colour"]
    assert found.rise[1] == pytest.approx(2 * found.rise[0], rel=0.3)


def test_it_leaves_learner_and_rows_as_they_were_and_is_the_same_again() -> None:
    learner, part = of_weights(1.0, 2.0, rows=30)
    before = part.features.clone()
    first, second = (permutation_importance(learner, part, {"a": [0], "b": [1]}) for _ in range(2))
    assert first.rise.tolist() == second.rise.tolist()
    assert torch.equal(part.features, before)
