"""Regression: worked examples, target scaling and its inverse, baseline and metrics compared with scikit-learn."""

import math
from functools import cache

import numpy as np
import pytest
import torch
from hydra.utils import instantiate
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from lightning import Trainer
from sklearn.dummy import DummyRegressor
from sklearn.metrics import mean_absolute_error, mean_squared_error, r2_score
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

import mlplab
from mlplab.errors import UserError
from mlplab.learner.regressor import Regressor

pytestmark = pytest.mark.filterwarnings("ignore:The '.*_dataloader' does not have many workers")
OUTPUT, TARGET = torch.tensor([[29.0], [53.0], [98.0]]), torch.tensor([[30.0], [50.0], [100.0]])


def make_learner(scaling: str = "none", loss: str = "mse", num_targets: int = 1) -> Regressor:
    config = mlplab.configure("data=line", f"loss={loss}").loss
    return Regressor(nn.Identity(), instantiate(config), num_targets, scaling)


@pytest.mark.parametrize(
    ("loss", "expected"),
    [("mse", 14 / 3), ("mae", 2.0), ("rmse", math.sqrt(14 / 3)), ("huber", (0.5 + 2.5 + 1.5) / 3)],
)
def test_each_loss_of_the_worked_example_is_that_by_hand(loss: str, expected: float) -> None:
    # errors -1, 3, -2; huber counts |e| - 0.5 from 1 on
    learner = make_learner(loss=loss)
    assert learner.measure(OUTPUT, TARGET)["loss"] == pytest.approx(expected, rel=1e-6)
    assert learner.training_step((OUTPUT, TARGET), 0).item() == pytest.approx(expected, rel=1e-6)


def test_each_metric_of_the_worked_example_is_that_by_hand() -> None:
    scores = make_learner().measure(OUTPUT, TARGET)
    expected = {"mse": 14 / 3, "rmse": math.sqrt(14 / 3), "mae": 2.0, "r2": 1 - 14 / 2600}  # mean 60: 900 + 100 + 1600
    assert {name: scores[name] for name in expected} == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    ("scaling", "shift", "factor"),
    [("none", [0.0, 0.0], [1.0, 1.0]), ("standard", [4.0, 30.0], [2.0, 10.0]), ("minmax", [2.0, 20.0], [4.0, 20.0])],
)
def test_predictions_and_metrics_are_in_the_unit_of_the_target_and_the_loss_in_that_of_the_scaled_target(
    scaling: str, shift: list[float], factor: list[float]
) -> None:
    learner = make_learner(scaling, num_targets=2)
    target = torch.tensor([[2.0, 20.0], [6.0, 40.0]])
    learner.learn_target(target)
    prediction = [shift[0] + 0.5 * factor[0], shift[1] - factor[1]]
    raw = torch.tensor([[0.5, -1.0], [0.5, -1.0]])
    assert learner(raw).tolist() == [pytest.approx(prediction)] * 2
    errors = [[value - wanted for value, wanted in zip(prediction, row, strict=True)] for row in target.tolist()]
    scores = learner.measure(raw, target)
    assert scores["mse"] == pytest.approx(sum(e * e for row in errors for e in row) / 4, rel=1e-6)
    scaled = [e / size for row in errors for e, size in zip(row, factor, strict=True)]
    assert scores["loss"] == pytest.approx(sum(e * e for e in scaled) / 4, rel=1e-6)


@given(arrays(np.float64, (6, 2), elements=st.integers(-999, 999)), st.sampled_from(["standard", "minmax", "none"]))
@settings(deadline=None)
def test_scaling_can_be_undone(numbers: np.ndarray, scaling: str) -> None:
    learner = Regressor(nn.Identity(), nn.MSELoss(), 2, scaling)
    target = torch.from_numpy(numbers).float()
    learner.learn_target(target)
    torch.testing.assert_close(learner.decode(learner.encode(target)), target, rtol=1e-5, atol=1e-3)
    scaled, varied = learner.encode(target).double().numpy(), np.ptp(numbers, axis=0) > 0
    if scaling == "standard":
        np.testing.assert_allclose(scaled.mean(axis=0), 0, atol=1e-3)
        np.testing.assert_allclose(scaled.std(axis=0), varied, atol=1e-3)
    if scaling == "minmax":
        np.testing.assert_allclose([scaled.min(axis=0), scaled.max(axis=0)], [0 * varied, varied], atol=1e-6)


def test_an_unknown_scaling_is_rejected_with_the_choices() -> None:
    with pytest.raises(UserError, match=r"learner.target_scaling=log: one of standard, minmax, none"):
        Regressor(nn.Identity(), nn.MSELoss(), target_scaling="log")


def assert_metrics_equal(output: Tensor, target: Tensor, rel: float) -> None:
    scores = make_learner(num_targets=target.shape[1]).measure(output, target)
    wanted, found = target.double().numpy(), output.double().numpy()
    assert scores["mse"] == pytest.approx(mean_squared_error(wanted, found), rel=rel)
    assert scores["rmse"] == pytest.approx(math.sqrt(mean_squared_error(wanted, found)), rel=rel)
    assert scores["mae"] == pytest.approx(mean_absolute_error(wanted, found), rel=rel)
    assert scores["r2"] == pytest.approx(r2_score(wanted, found), rel=rel)


@pytest.mark.parametrize("unit", [1.0, 1e4, 1e-4])
@pytest.mark.parametrize("num_targets", [1, 3])
def test_metrics_equal_those_of_scikit_learn_in_any_unit(unit: float, num_targets: int) -> None:
    generator = torch.Generator().manual_seed(0)
    target = unit * torch.randn(100, num_targets, generator=generator)
    assert_metrics_equal(target + 0.5 * unit * torch.randn(100, num_targets, generator=generator), target, rel=1e-6)


def test_r2_is_precise_for_a_small_spread_on_a_large_mean() -> None:
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(5000, 2, generator=generator, dtype=torch.float64)
    target = (2000 + 0.01 * noise[:, :1]).float()
    assert_metrics_equal((2000 + 0.01 * (0.8 * noise[:, :1] + 0.1 * noise[:, 1:])).float(), target, rel=1e-4)
    learner = make_learner("standard")
    learner.learn_target(target)
    # a perfect output is decoded to within 0.00012, the precision of float32 at 2000
    assert learner.measure(learner.encode(target), target)["r2"] > 0.9999


def test_a_split_of_one_row_can_be_measured() -> None:
    scores = make_learner().measure(torch.tensor([[29.0]]), torch.tensor([[30.0]]))
    assert (scores["loss"], scores["mse"], scores["mae"]) == (1.0, 1.0, 1.0)


@pytest.mark.parametrize("scaling", ["none", "standard", "minmax"])
def test_the_baseline_is_the_training_mean(scaling: str) -> None:
    train, test = torch.tensor([[1.0, 10.0], [2.0, 40.0], [6.0, 40.0]]), torch.tensor([[3.0, 20.0], [5.0, 31.0]])
    learner = make_learner(scaling, num_targets=2)
    learner.learn_target(train)
    constant = learner.baseline(train).expand(len(test), -1)
    assert learner(constant).tolist() == [pytest.approx([3.0, 30.0])] * 2
    scores = learner.measure(constant, test)
    assert (scores["mse"], scores["mae"]) == pytest.approx(((4 + 100 + 1) / 4, (2 + 10 + 1) / 4), rel=1e-5)
    dummy, rows = DummyRegressor().fit(np.zeros((3, 1)), train.numpy()), np.zeros((2, 1))
    assert scores["r2"] == pytest.approx(dummy.score(rows, test.numpy()), rel=1e-4)


def test_any_torch_module_is_trained_without_hydra_and_predicts_from_its_state_dict() -> None:
    torch.manual_seed(0)
    features = torch.linspace(-1, 1, 40)[:, None]
    target = 5000 + 300 * features
    loader = DataLoader(TensorDataset(features, target), batch_size=2)
    learner = Regressor(nn.Linear(1, 1), nn.MSELoss(), optimizer=lambda p: torch.optim.SGD(p, lr=0.2))
    learner.learn_target(target)
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    Trainer(max_epochs=2, accelerator="cpu", enable_model_summary=False, **quiet).fit(learner, loader, loader)
    assert learner.scores["r2/val"] > 0.999
    other = Regressor(nn.Linear(1, 1), nn.MSELoss())
    other.load_state_dict(learner.state_dict())
    torch.testing.assert_close(other(features), target, rtol=0, atol=10.0)


def test_fit_without_learn_target_is_rejected() -> None:
    learner = Regressor(nn.Linear(1, 1), nn.MSELoss())
    rows = DataLoader(TensorDataset(torch.zeros(4, 1), torch.full((4, 1), 1000.0)), 2)
    with pytest.raises(UserError, match="needs learn_target"):
        Trainer(max_epochs=1, accelerator="cpu", logger=False, enable_checkpointing=False).fit(learner, rows, rows)


@cache
def cached_learner(loss: str) -> Regressor:
    return make_learner("standard", loss, num_targets=2)


@given(arrays(np.float32, (3, 4, 2), elements=st.floats(-30, 30, width=32)))
@settings(deadline=None, max_examples=20)
def test_several_networks_predict_the_mean_of_their_predictions_at_no_more_than_their_mean_loss(
    numbers: np.ndarray,
) -> None:
    target = torch.tensor([[2.0, 20.0], [6.0, 40.0], [5.0, 10.0], [0.0, 0.0]])
    outputs = torch.from_numpy(numbers)
    for loss in ("mse", "mae", "rmse", "huber"):
        learner = cached_learner(loss)
        learner.learn_target(target)
        mean = torch.stack([learner.decode(output) for output in outputs]).mean(dim=0)
        torch.testing.assert_close(learner.decode(learner.combine(outputs)), mean, rtol=1e-5, atol=1e-4)
        alone = [float(learner.measured_loss(output, learner.encode(target))) for output in outputs]
        assert float(learner.measured_loss(learner.combine(outputs), learner.encode(target))) <= sum(alone) / 3 * (
            1 + 1e-5
        )
