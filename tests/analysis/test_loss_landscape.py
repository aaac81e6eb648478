"""Planes through a loss surface whose form is known."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils import parameters_to_vector

from mlplab.analysis.loss_landscape import slice_along_path, slice_at_random
from mlplab.data.splits import Split
from mlplab.errors import UserError
from mlplab.learner.classifier import Classifier
from mlplab.learner.regressor import Regressor
from mlplab.run.build import build_splits
from mlplab.run.config_file import read_config
from mlplab.run.load import load_learner, read_checkpoint
from mlplab.trainer.history_file import read_history

Train = Callable[..., tuple[Path, dict[str, Any]]]
ROWS = Split(torch.tensor([[1.0], [2.0]]), torch.tensor([[3.0], [5.0]]))


def line(m: float, b: float) -> Regressor:
    layer = nn.Linear(1, 1)
    layer.weight.data, layer.bias.data = torch.tensor([[m]]), torch.tensor([b])
    return Regressor(layer, nn.MSELoss(), target_scaling="none")


def kept(folder: Path, *weights: tuple[float, ...]) -> Path:
    path = folder / "trajectory.npz"
    np.savez(path, epochs=np.arange(len(weights)), weights=np.array(weights))
    return path


def mse(m: float, b: float) -> float:
    return ((3 - m - b) ** 2 + (5 - 2 * m - b) ** 2) / 2


def test_the_plane_of_two_weights_is_all_there_is(tmp_path: Path) -> None:
    """Directions may be turned, but each place of the grid is a pair (m, b), whose loss is known."""
    path = kept(tmp_path, (-1.0, 5.0), (0.5, 4.0), (1.8, 1.3))
    found = slice_along_path(line(1.8, 1.3), ROWS, path, count=9)
    assert found.variance_fraction == pytest.approx(1.0)
    assert found.path[-1] == pytest.approx([0, 0])
    lengths = np.linalg.norm(found.path, axis=1)
    assert lengths == pytest.approx([np.hypot(2.8, 3.7), np.hypot(1.3, 2.7), 0])
    assert found.loss.min() >= 0
    directions = np.linalg.lstsq(found.path[:2], np.array([[-2.8, 3.7], [-1.3, 2.7]]), rcond=None)[0]
    for row, up in enumerate(found.y):
        for column, right in enumerate(found.x):
            m, b = np.array([1.8, 1.3]) + right * directions[0] + up * directions[1]
            assert found.loss[row, column] == pytest.approx(mse(m, b), rel=1e-4, abs=1e-5)
    assert found.x[0] < found.path[:, 0].min() < found.path[:, 0].max() < found.x[-1]


def test_random_directions_are_as_long_as_the_weights_they_move() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3))
    learner = Classifier(network, nn.CrossEntropyLoss(), num_classes=3)
    rows = Split(torch.randn(20, 4), torch.arange(20) % 3)
    before = parameters_to_vector(network.parameters()).clone()
    found = slice_at_random(learner, rows, count=5)
    with torch.no_grad():
        own = float(learner.measured_loss(network(rows.features), rows.target))
    assert found.loss[2, 2] == pytest.approx(own, rel=1e-6)
    assert (found.x[2], found.y[2]) == (0, 0)
    assert len(found.path) == 0
    assert torch.equal(parameters_to_vector(network.parameters()), before)
    assert learner.training
    assert slice_at_random(learner, rows, count=5).loss.tolist() == found.loss.tolist()
    assert slice_at_random(learner, rows, count=5, seed=1).loss.tolist() != found.loss.tolist()


def test_a_scale_that_changes_nothing_changes_no_slice() -> None:
    """ReLU: the first layer times 100, the second by 100, is the same function, and so is its normalised slice."""
    slices = []
    for factor in (1.0, 100.0):
        torch.manual_seed(0)
        network = nn.Sequential(nn.Linear(4, 6, bias=False), nn.ReLU(), nn.Linear(6, 3, bias=False))
        network[0].weight.data *= factor  # type: ignore[operator, union-attr]
        network[2].weight.data /= factor  # type: ignore[operator, union-attr]
        learner = Classifier(network, nn.CrossEntropyLoss(), num_classes=3)
        rows = Split(torch.randn(20, 4), torch.arange(20) % 3)
        slices.append(slice_at_random(learner, rows, count=5).loss)
    assert slices[0] == pytest.approx(slices[1], rel=1e-4)


def test_a_loss_that_is_not_finite_is_infinite(tmp_path: Path) -> None:
    found = slice_along_path(line(0.0, 0.0), ROWS, kept(tmp_path, (1.2e19, 0.0), (0.0, 0.0)), count=5)
    assert np.isinf(found.loss).any()
    assert np.isfinite(found.loss).any()


def test_a_path_of_another_model_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="belongs to another model"):
        slice_along_path(line(0.0, 0.0), ROWS, kept(tmp_path, (1.0, 2.0, 3.0), (0.0, 0.0, 0.0)), count=5)


def test_one_weight_has_one_direction(tmp_path: Path) -> None:
    layer = nn.Linear(1, 1, bias=False)
    learner = Regressor(layer, nn.MSELoss(), target_scaling="none")
    weight = layer.weight.item()
    found = slice_along_path(learner, ROWS, kept(tmp_path, (weight + 1,), (weight,)), count=5)
    assert (found.loss == found.loss[0]).all()
    assert abs(found.path[0, 0]) == pytest.approx(1.0)


def test_the_centre_is_the_training_loss_of_the_last_row_of_the_history(train: Train) -> None:
    run, _ = train("data=iris", "trainer.max_epochs=3", "model.normalisation=batch", "model.dropout=0.2")
    config, path = read_config(run), run / "checkpoints" / "last.ckpt"
    found = slice_at_random(load_learner(read_checkpoint(path), path, config), build_splits(config).measured, count=3)
    assert found.loss[1, 1] == pytest.approx(read_history(run / "history.csv")[-1]["loss/train"], rel=1e-6)
    assert found.rows == 30
