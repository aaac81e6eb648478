"""build() assembles a run from its configuration: splits, learner, trainer, class weights."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

import mlplab
from mlplab.data.datamodule import TensorLoader
from mlplab.data.splits import Split
from mlplab.errors import UserError
from mlplab.run.build import balanced_weights, build, build_learner, build_splits, unit_weights
from mlplab.trainer.history import History
from mlplab.trainer.nan_guard import NaNGuard


def test_the_guard_is_before_the_history_and_checkpoints_come_last(tmp_path: Path) -> None:
    components = build(mlplab.configure("data=iris", "callback=early_stopping", f"run_dir={tmp_path}"))
    kinds = [type(callback).__name__ for callback in components.trainer.callbacks]  # type: ignore[attr-defined]
    assert kinds.index(NaNGuard.__name__) < kinds.index(History.__name__) < kinds.index("EarlyStopping")
    assert kinds[-1] == "BestAndLastCheckpoint"


def test_sizes_come_from_the_data() -> None:
    for data, inputs, outputs in (("digits", 64, 10), ("breast_cancer", 30, 1), ("linnerud", 3, 3)):
        config = mlplab.configure(f"data={data}")
        learner = build_learner(config, build_splits(config))
        output = learner.network(torch.zeros(2, inputs))
        assert output.shape == (2, outputs)


def test_scaling_is_fitted_to_the_training_rows_alone() -> None:
    config = mlplab.configure("data=wine")
    splits = build_splits(config)
    scale = build_learner(config, splits).network.scale
    scaled = scale(splits.train.features)
    assert torch.allclose(scaled.mean(dim=0), torch.zeros(13), atol=1e-5)
    assert torch.allclose(scaled.std(dim=0, correction=0), torch.ones(13), atol=1e-5)
    assert not torch.allclose(scale(splits.test.features).mean(dim=0), torch.zeros(13), atol=1e-3)


def test_double_precision_reaches_data_and_weights() -> None:
    config = mlplab.configure("data=diabetes", "trainer.precision=64-true")
    splits = build_splits(config)
    learner = build_learner(config, splits)
    assert splits.train.features.dtype == splits.train.target.dtype == torch.float64
    assert {value.dtype for value in learner.state_dict().values()} == {torch.float64}


def test_the_binary_classifier_refuses_three_classes() -> None:
    config = mlplab.configure("data=iris", "learner=binary_classifier", "loss=bce")
    with pytest.raises(UserError, match="takes two classes, data=iris has 3: use learner=classifier loss=ce"):
        build_splits(config)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("+trainer.gradient_clip_algorithm=foo", "trainer: .*foo is invalid"),
        ("model.initial_weight=1e300", "model=linear: .*overflow"),
        ("+optimizer.foo=1", r"optimizer\.foo: Adam takes no such argument; it takes .*betas"),
        ("optimizer._target_=torch.nn.ReLU", "is no Optimizer"),
    ],
)
def test_what_a_constructor_refuses_is_reported_in_one_line(override: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=message) as caught:
        build(mlplab.configure("data=iris", "model=linear", override, f"run_dir={tmp_path}"))
    assert "\n" not in str(caught.value)


def test_a_dataloader_and_the_in_memory_path_give_the_same_losses(tmp_path: Path) -> None:
    first, second = (
        build(mlplab.configure("data=iris", "trainer.max_epochs=3", f"run_dir={tmp_path / name}")) for name in "ab"
    )
    first.trainer.fit(first.learner, datamodule=first.batches)
    part = second.splits.train
    numbers = Split(torch.arange(len(part))[:, None], part.target)

    class Order:
        """The rows of each batch, in the order of the in-memory path; Lightning passes its sampler the epoch."""

        sampler = TensorLoader(numbers, second.batches.batch_size, second.batches.seed)

        def __iter__(self) -> Iterator[list[int]]:
            return (rows[:, 0].tolist() for rows, _ in self.sampler)

        def __len__(self) -> int:
            return len(self.sampler)

    train = DataLoader(TensorDataset(part.features, part.target), batch_sampler=Order())  # type: ignore[arg-type]
    measured = [
        DataLoader(TensorDataset(rows.features, rows.target), batch_size=7)
        for rows in (second.splits.val, second.splits.measured)
    ]
    second.trainer.fit(second.learner, train, measured)
    for plain, loaded in zip(first.history.rows, second.history.rows, strict=True):
        assert loaded["loss/train"] == pytest.approx(plain["loss/train"], rel=1e-6)
        assert loaded["loss/val"] == pytest.approx(plain["loss/val"], rel=1e-6)


def test_the_precision_of_matrix_products_is_that_of_the_run(tmp_path: Path) -> None:
    for number, precision in enumerate(("medium", "highest")):
        setting = f"trainer.matmul_precision={precision}"
        build(mlplab.configure("data=iris", setting, f"run_dir={tmp_path / str(number)}"))
        assert torch.get_float32_matmul_precision() == precision
    with pytest.raises(UserError, match=r"trainer.matmul_precision=low: must be one of highest, high, medium"):
        mlplab.configure("trainer.matmul_precision=low")


def test_balanced_weights_give_each_class_the_same_influence() -> None:
    config = mlplab.configure("data=wine", "loss.weight=balanced")
    splits = build_splits(config)
    counts = torch.bincount(splits.train.target)
    weight = build_learner(config, splits).loss.weight
    assert torch.allclose(weight * counts, torch.full((3,), counts.sum() / 3))
    config = mlplab.configure("data=breast_cancer", "loss.pos_weight=balanced")
    splits = build_splits(config)
    negatives, positives = torch.bincount(splits.train.target).tolist()
    assert build_learner(config, splits).loss.pos_weight.item() == pytest.approx(negatives / positives)


def test_without_rows_there_are_weights_of_the_same_shape() -> None:
    for overrides in (("data=wine", "loss.weight=balanced"), ("data=breast_cancer", "loss.pos_weight=balanced")):
        config = mlplab.configure(*overrides)
        splits = build_splits(config)
        balanced = balanced_weights(config.loss, splits)
        equal = unit_weights(config.loss, len(splits.class_names))
        assert balanced
        assert {key: value.shape for key, value in balanced.items()} == {
            key: value.shape for key, value in equal.items()
        }
        assert all(bool((value == 1).all()) for value in equal.values())
    assert balanced_weights(mlplab.configure("data=wine").loss, splits) == {}
