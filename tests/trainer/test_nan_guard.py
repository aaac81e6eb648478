"""A loss of NaN ends the run: when, the layer where it first occurs, and the files that remain."""

import csv
import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lightning import Trainer
from torch import Tensor, nn
from torch.optim import SGD

import mlplab
from mlplab.data.datamodule import InMemoryDataModule
from mlplab.data.splits import DataInfo, Split, Splits, Task
from mlplab.errors import RunError
from mlplab.learner.regressor import Regressor
from mlplab.run.build import build
from mlplab.trainer.nan_guard import NaNGuard

# a run that asks for the CPU is warned where there is a GPU
pytestmark = pytest.mark.filterwarnings("ignore:GPU available but not used")

Train = Callable[..., tuple[Path, dict[str, Any]]]
LARGEST = float(np.finfo(np.float32).max)
# y = 2 x + 1 from m = -1, b = 5, in the values' own unit, by plain SGD
LINE = (
    *("data=line", "data.split=official", "data.noise=0.0", "data.num_rows=20", "model=linear", "optimizer=sgd"),
    *("model.initial_weight=-1.0", "model.initial_bias=5.0", "model.standardise=false", "learner.target_scaling=none"),
    "trainer.accelerator=cpu",
)


class Burst(nn.Module):
    """A layer that breaks in training only."""

    def forward(self, features: Tensor) -> Tensor:
        return features / 0 if self.training else features


def numbers(rows: int = 40) -> Splits:
    drawn = torch.Generator().manual_seed(0)
    features = torch.randn(rows + 16, 2, generator=drawn)
    target = features.sum(dim=1, keepdim=True)
    cuts = {"train": slice(rows), "val": slice(rows, rows + 8), "test": slice(rows + 8, None)}
    return Splits(
        **{name: Split(features[at], target[at]) for name, at in cuts.items()},
        info=DataInfo(Task.REGRESSION, ("x1", "x2")),
    )


def fit(splits: Splits, network: nn.Module) -> tuple[Regressor, str]:
    """Two epochs of four steps; the learner and the message of its failure."""
    learner = Regressor(network, nn.MSELoss(), target_scaling="none", optimizer=partial(SGD, lr=0.01))
    trainer = Trainer(
        max_epochs=2,
        accelerator="cpu",
        callbacks=[NaNGuard()],
        logger=False,
        num_sanity_val_steps=-1,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    with pytest.raises(RunError) as caught:
        trainer.fit(learner, datamodule=InMemoryDataModule(splits, batch_size=10))
    return learner, str(caught.value)


def test_a_nan_in_the_features_is_reported_as_such() -> None:
    splits = numbers()
    splits.train.features[25, 1] = math.nan
    order = InMemoryDataModule(splits, batch_size=10).train_dataloader()
    step = next(number for number, (features, _) in enumerate(order, start=1) if features.isnan().any())
    learner, message = fit(splits, nn.Linear(2, 1))
    assert message.startswith(f"the loss became nan at epoch 1, step {step}, first in the features of the batch;")
    assert all(parameter.isfinite().all() for parameter in learner.parameters()), "caught before the update"


def test_a_nan_in_the_validation_features_is_reported_as_such() -> None:
    splits = numbers()
    splits.val.features[3, 0] = math.nan
    _, message = fit(splits, nn.Linear(2, 1))
    assert message.startswith("loss/val became nan at epoch 0, step 0")
    assert "features" in message


def test_a_layer_that_gives_infinity_is_named() -> None:
    _, message = fit(numbers(), nn.Sequential(nn.Linear(2, 4), Burst(), nn.Linear(4, 1)))
    assert "at epoch 1, step 1, first in the output of network.1 (Burst);" in message


def test_a_far_too_large_learning_rate_is_reported_with_epoch_step_and_layer(train: Train, tmp_path: Path) -> None:
    """float32 squares overflow while the outputs themselves are still numbers: in the loss itself."""
    x_train = [round(0.1 * number, 1) for number in range(1, 21)]
    settings = (*LINE, f"data.x_train={x_train}", "optimizer.lr=1e6", "batch_size=4", "trainer.max_epochs=3")
    hand = mlplab.configure(f"run_dir={tmp_path / 'hand'}", "trainer.blocks=false", *settings)
    loader = build(hand).batches.train_dataloader()
    m, b, step = -1.0, 5.0, 0
    for step, (features, target) in enumerate(loader, start=1):  # noqa: B007
        x, y = features.double().flatten(), target.double().flatten()
        error = m * x + b - y
        if (error**2).sum() > LARGEST:
            break
        m, b = m - 1e6 * 2 * float((error * x).mean()), b - 1e6 * 2 * float(error.mean())
    assert 1 < step < 5
    assert abs(m) < LARGEST
    with pytest.raises(RunError, match=f"^the loss became inf at epoch 1, step {step}, first in the loss itself;.*lr"):
        train(*settings)


def test_infinite_weights_after_an_update_are_named(train: Train) -> None:
    """The gradient of m is 2, -8 or -3 in a batch of (1, 1), (2, 2) or (1, 2): times 3e38 each is beyond float32."""
    settings = (*LINE, "data.x_train=[1.0,2.0,1.0,2.0]", "batch_size=2", "optimizer.lr=3e38", "trainer.max_epochs=2")
    place = "first in the weights network.body.weight, after the previous update"
    with pytest.raises(RunError, match=f"^the loss became (inf|nan|-inf) at epoch 1, step 2, {place}"):
        train(*settings)


def test_the_files_of_a_diverged_run_are_finite(train: Train, tmp_path: Path) -> None:
    """Two observations, lr 0.5: the gradient is (5 m + 3 b - 13, 3 m + 2 b - 8), the error grows 2.427-fold a step."""
    settings = (*LINE, "data.x_train=[1.0,2.0]", "optimizer.lr=0.5", "batch_size=2", "trainer.max_epochs=200")
    splits = build(mlplab.configure(f"run_dir={tmp_path / 'hand'}", *settings)).splits
    x, y = (values.double().flatten() for values in (splits.val.features, splits.val.target))
    m, b, epoch = -1.0, 5.0, 0
    while max(((m * x + b - y) ** 2).sum(), (m + b - 3) ** 2 + (2 * m + b - 5) ** 2) < LARGEST:
        m, b, epoch = m - 0.5 * (5 * m + 3 * b - 13), b - 0.5 * (3 * m + 2 * b - 8), epoch + 1
    assert 20 < epoch < 200
    where = f"epoch {epoch}, step {epoch}, first in the loss itself; "
    with pytest.raises(RunError, match=f"^loss/(train|val) became inf at {where}"):
        train(*settings)
    run = tmp_path / "run1"
    with open(run / "history.csv", newline="") as file:
        rows = [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]
    assert [row["epoch"] for row in rows] == list(range(epoch))
    assert all(math.isfinite(row[f"loss/{split}"]) for row in rows for split in ("train", "val"))
    state = torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
    assert {"network.body.weight", "network.body.bias"} <= set(state)
    assert all(value.isfinite().all() for value in state.values())


def test_a_loss_of_nan_in_validation_only_is_reported(train: Train) -> None:
    """y is nearly 1 at x = 1, 2, so that training stays tame; validation at x >= 1e25, where m = 1e-30 is right and any
    other m gives a square beyond float32."""
    far = ("data.x_train=[1.0,2.0]", "data.m=1e-30", "data.low=1e25", "data.high=2e25")
    start = ("model.initial_weight=0.0", "model.initial_bias=0.5")
    with pytest.raises(RunError, match=r"^loss/val became inf at epoch 1, step 1, first in the loss itself; "):
        train(*LINE, *far, *start, "batch_size=2", "optimizer.lr=0.01", "trainer.max_epochs=3")
