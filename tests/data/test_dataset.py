"""What every dataset promises: forms, no leak from val and test, noise on training targets only."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mlplab.data.bundled import Bundled
from mlplab.data.dataset import Dataset
from mlplab.data.function import Function
from mlplab.data.splits import RawData, Splits
from mlplab.data.synthetic import Moons, Sine
from mlplab.errors import UserError

PARTS = ("train", "val", "test")


@dataclass(kw_only=True)
class Given(Dataset):
    """The rows of a test; their only feature is the row's number unless given."""

    rows: RawData

    def read(self) -> RawData:
        return self.rows


def numbered(target: np.ndarray, **more: Any) -> RawData:
    return RawData(np.arange(len(target), dtype=np.float64)[:, None], target, **more)


def ids(splits: Splits, name: str) -> list[int]:
    return [int(row) for row in getattr(splits, name).features[:, 0]]


def same(first: torch.Tensor, second: torch.Tensor) -> bool:
    return first.dtype == second.dtype and torch.equal(first, second)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_features_and_regression_targets_are_in_the_requested_precision(dtype: torch.dtype) -> None:
    thirds = np.arange(20.0)[:, None] / 3
    splits = Given(rows=RawData(thirds, 2 * thirds)).splits(dtype)
    for part in (splits.train, splits.val, splits.test):
        exact = (3 * part.features).round().double() / 3
        assert same(part.features, exact.to(dtype))
        assert same(part.target, (2 * exact).to(dtype))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_pixels_stay_bytes_and_classes_whole_numbers_in_every_precision(dtype: torch.dtype) -> None:
    pixels = np.arange(20, dtype=np.uint8)[:, None] * np.uint8(12)
    splits = Given(rows=RawData(pixels, np.arange(20) % 2, image_size=(1, 1))).splits(dtype)
    for part in (splits.train, splits.val, splits.test):
        assert part.features.dtype == torch.uint8
        assert part.target.dtype == torch.int64
        assert part.target.shape == (len(part),)
        assert torch.equal(part.features[:, 0] // 12 % 2, part.target.to(torch.uint8))
    assert splits.info.image_size == (1, 1)


def test_features_and_targets_are_numbered_where_the_dataset_names_none() -> None:
    splits = Given(rows=RawData(np.zeros((20, 2)), np.eye(20, 1))).splits()
    assert splits.info.feature_names == ("x1", "x2")
    assert splits.info.target_names == ("target",)
    assert splits.class_names == ()


@pytest.mark.parametrize(
    ("labels", "names", "expected"),
    [
        (["dog", "cat"], None, ("cat", "dog")),
        ([7, 3], None, ("3", "7")),
        ([7, 3], {3: "three", 7: "seven", 5: "five"}, ("three", "seven")),
    ],
)
def test_classes_are_numbered_in_the_order_of_their_labels(
    labels: list[Any], names: dict[int, str] | None, expected: tuple[str, ...]
) -> None:
    splits = Given(rows=numbered(np.array(labels * 10), class_names=names)).splits()
    assert splits.class_names == expected
    for name in PARTS:  # even rows hold the first label given, which stands second in order
        assert getattr(splits, name).target.tolist() == [1 - row % 2 for row in ids(splits, name)]


@pytest.mark.parametrize("of_classes", [True, False])
def test_val_and_test_rows_do_not_affect_the_training_rows(of_classes: bool) -> None:
    official = np.array(["train", "val", "test"] * 20)
    generator = np.random.default_rng(0)
    held_out = official != "train"
    number = np.where(generator.random(60) < 0.3, np.nan, generator.random(60))
    text = generator.choice(["red", "blue", "green"], 60)
    target = np.array(["no", "yes"])[np.arange(60) // 3 % 2] if of_classes else generator.random((60, 2))
    turned = np.array(["no", "yes"])[generator.integers(0, 2, 60)] if of_classes else -1e9 * target
    poisoned = pd.DataFrame({"n": np.where(held_out, 1e9, number), "t": np.where(held_out, "alien", text)})
    mask = held_out if of_classes else held_out[:, None]
    settings: dict[str, Any] = {"split": "official", "num_train": 15, "label_noise": 0.3}
    clean, dirty = (
        Given(rows=RawData(table, labels, official=official), **settings).splits()
        for table, labels in (
            (pd.DataFrame({"n": number, "t": text}), target),
            (poisoned, np.where(mask, turned, target)),
        )
    )
    assert not same(clean.val.target, dirty.val.target)
    assert not same(clean.test.features, dirty.test.features)
    assert same(clean.train.features, dirty.train.features)
    assert same(clean.train.target, dirty.train.target)
    assert (clean.info.feature_names, clean.class_names) == (dirty.info.feature_names, dirty.class_names)


def test_split_seed_decides_the_split_and_leaves_the_global_generators_alone() -> None:
    rows = numbered(np.arange(100) % 2)
    torch.manual_seed(1)
    before = torch.get_rng_state(), np.random.get_state()[1].tolist()
    first = Given(rows=rows, split_seed=4, label_noise=0.2).splits()
    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.random.get_state()[1].tolist() == before[1]
    torch.manual_seed(2)
    again, other = (Given(rows=rows, split_seed=seed, label_noise=0.2).splits() for seed in (4, 5))
    for name in PARTS:
        assert same(getattr(first, name).features, getattr(again, name).features)
        assert same(getattr(first, name).target, getattr(again, name).target)
        assert set(ids(first, name)) != set(ids(other, name))


def test_fewer_training_rows_leave_val_and_test_as_they_were() -> None:
    rows = numbered(np.repeat([0, 1], [150, 50]))
    every, few = (Given(rows=rows, num_train=count).splits() for count in (None, 40))
    for name in ("val", "test"):
        assert same(getattr(every, name).features, getattr(few, name).features)
    assert set(ids(few, "train")) < set(ids(every, "train"))
    assert torch.bincount(few.train.target).tolist() == [30, 10]
    assert 0 < few.train.first(20).target.sum() < 20


def test_more_training_rows_than_there_are_is_refused() -> None:
    assert len(Given(rows=numbered(np.eye(10, 1)), num_train=6).splits().train) == 6
    with pytest.raises(UserError, match=r"data\.num_train=7: there are only 6 training rows"):
        Given(rows=numbered(np.eye(10, 1)), num_train=7).splits()


@settings(deadline=None)
@given(fraction=st.floats(0, 1), num_classes=st.integers(2, 5))
def test_label_noise_redraws_the_exact_fraction_of_training_labels_and_no_other(
    fraction: float, num_classes: int
) -> None:
    splits = Given(rows=numbered(np.arange(150) % num_classes), label_noise=fraction).splits()
    true = {name: torch.tensor(ids(splits, name)) % num_classes for name in PARTS}
    assert (splits.train.target != true["train"]).sum() == round(fraction * 90)
    assert torch.equal(splits.val.target, true["val"])
    assert torch.equal(splits.test.target, true["test"])


def test_a_noisy_label_is_any_of_the_other_classes_alike() -> None:
    splits = Given(rows=numbered(np.arange(30_000) % 4), label_noise=1.0).splits(torch.float64)
    steps = torch.bincount((splits.train.target - torch.tensor(ids(splits, "train"))) % 4, minlength=4)
    assert steps[0] == 0
    assert (steps[1:] / 6000 - 1).abs().max() < 0.05


def test_noise_on_a_regression_target_is_in_units_of_its_standard_deviation_in_training() -> None:
    target = np.random.default_rng(0).normal([5, -300], [2, 100], (30_000, 2))
    clean, noisy = (Given(rows=numbered(target), label_noise=noise).splits(torch.float64) for noise in (0.0, 0.5))
    added = noisy.train.target - clean.train.target
    torch.testing.assert_close(added.std(dim=0), 0.5 * clean.train.target.std(dim=0), rtol=0.02, atol=0)
    assert added.mean(dim=0).abs().le(torch.tensor([0.05, 2.5])).all()
    for name in ("val", "test"):
        assert same(getattr(clean, name).target, getattr(noisy, name).target)


@pytest.mark.parametrize("name", ["val", "test"])
def test_a_class_that_training_never_saw_is_refused_with_its_split(name: str) -> None:
    official = np.array(["train"] * 10 + ["val"] * 5 + ["test"] * 5)
    labels = np.where((official == name) & (np.arange(20) % 5 == 0), "owl", np.array(["cat", "dog"] * 10))
    with pytest.raises(UserError, match=f"class owl is in the {name} split but not in training"):
        Given(rows=numbered(labels, official=official), split="official").splits()


@pytest.mark.parametrize("official", [None, np.array(["train"] * 15 + ["test"] * 5)])
def test_a_target_of_one_class_is_refused(official: np.ndarray | None) -> None:
    rows = numbered(np.full(20, "cat"), official=official)
    with pytest.raises(UserError, match="one class only"):
        Given(rows=rows, split="random" if official is None else "official").splits()


@pytest.mark.parametrize(("value", "message"), [(np.nan, "feature x1 is nan"), (1e39, "feature x1 is 1e\\+39")])
def test_numbers_that_float32_cannot_hold_are_refused_by_column(value: float, message: str) -> None:
    with pytest.raises(UserError, match=message):
        Given(rows=RawData(np.full((20, 1), value), np.eye(20, 1))).splits()


def test_no_rows_are_refused() -> None:
    with pytest.raises(UserError, match="no rows"):
        Given(rows=RawData(np.zeros((0, 1)), np.zeros((0, 1)))).splits()


def generated_and_bundled() -> list[Dataset]:
    kinds = (
        Bundled(name="iris"),
        Bundled(name="diabetes"),
        Moons(num_rows=60),
        Sine(num_rows=60),
        Function(num_rows=60),
    )
    return [replace(one, folds=4) for one in kinds]


@pytest.mark.parametrize("dataset", generated_and_bundled(), ids=lambda one: type(one).__name__)
def test_each_row_of_every_kind_of_data_validates_once_beside_the_test_rows(dataset: Dataset) -> None:
    single = replace(dataset, folds=None).splits()
    folds = [replace(dataset, fold=fold).splits() for fold in range(4)]
    assert all(same(one.test.features, single.test.features) for one in folds)
    seen = torch.cat([one.val.features for one in folds])
    rest = torch.cat([single.train.features, single.val.features])
    assert sorted(seen.tolist()) == sorted(rest.tolist())
    assert all(len(one.train) + len(one.val) == len(rest) for one in folds)


def test_fewer_training_rows_are_drawn_after_the_fold() -> None:
    dataset = Given(rows=numbered(np.arange(100) % 2), folds=4, fold=1)
    whole, few = dataset.splits(), replace(dataset, num_train=20).splits()
    assert ids(few, "val") == ids(whole, "val")
    assert len(few.train) == 20
    assert set(ids(few, "train")) < set(ids(whole, "train"))


def test_what_is_learned_from_data_is_learned_from_the_training_rows_of_the_fold() -> None:
    table = pd.DataFrame({"kind": ["rare" if row == 0 else "common" for row in range(50)]})
    dataset = Given(rows=RawData(table, np.arange(50.0)[:, None]), folds=4)
    folds = [replace(dataset, fold=fold).splits() for fold in range(4)]
    assert {one.in_features for one in folds} in ({1, 2}, {2})
    assert all(("kind=rare" in one.info.feature_names) == (0 in one.origin["train"].index) for one in folds)
