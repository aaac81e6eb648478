"""Near copies, features that predict the target and shifted splits are found; ordinary data give no false alarm."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mlplab.data.bundled import Bundled
from mlplab.data.csv import CSV
from mlplab.data.dataset import Dataset
from mlplab.data.leakage import near_duplicates, split_shift, target_leakage
from mlplab.data.sign_mnist import SignMNIST
from mlplab.data.splits import GROUP, Splits
from mlplab.data.synthetic import Blobs, Moons, Xor
from mlplab.data.vision import Vision
from tests.data.test_leakage import splits_of

NEAR_SIZES = {"train": 400, "val": 100, "test": 100}


def mixture(seed: int, width: int) -> dict[str, np.ndarray]:
    """A mixture of a narrow and a wide normal distribution, features of different units."""
    generator = np.random.default_rng(seed)
    unit = 10.0 ** np.arange(width)
    wide = {name: generator.choice([1.0, 5.0], (size, 1)) for name, size in NEAR_SIZES.items()}
    return {name: generator.standard_normal((size, width)) * wide[name] * unit for name, size in NEAR_SIZES.items()}


@given(seed=st.integers(0, 10_000), width=st.integers(3, 8), count=st.integers(0, 40))
@settings(max_examples=25, deadline=None)
def test_all_planted_near_copies_are_counted(seed: int, width: int, count: int) -> None:
    features = mixture(seed, width)
    generator = np.random.default_rng(seed + 1)
    origin = generator.permutation(NEAR_SIZES["train"])[:count]
    noise = 1e-9 * generator.standard_normal((count, width))
    features["test"][:count] = features["train"][origin] * (1 + noise)
    target = {name: np.zeros((size, 1)) for name, size in NEAR_SIZES.items()}
    found = {leak.split: leak.rows for leak in near_duplicates(splits_of(features, target))}
    assert found == ({"test": count} if count else {})


def test_near_copies_are_reported_with_their_original() -> None:
    features = mixture(0, 3)
    features["val"][4] = features["train"][7] * (1 + 1e-9)
    target = {name: np.zeros((size, 1)) for name, size in NEAR_SIZES.items()}
    (leak,) = near_duplicates(splits_of(features, target))
    assert (leak.split, leak.rows, leak.examples) == ("val", 1, ("row v4 of row r7",))


def test_equal_rows_are_not_near_copies() -> None:
    features = mixture(0, 3)
    features["val"][:10] = features["train"][:10]
    assert not list(near_duplicates(splits_of(features)))


def test_rows_of_few_different_values_give_no_false_alarm() -> None:
    features = {name: np.round(rows / np.abs(rows).max() * 3) for name, rows in mixture(0, 2).items()}
    features["val"][0] = features["train"][0] + 1e-9
    assert not list(near_duplicates(splits_of(features)))


def test_a_dozen_training_rows_are_too_few_for_near_copies() -> None:
    features = {name: rows[:12] for name, rows in mixture(0, 2).items()}
    assert not list(near_duplicates(splits_of(features)))


@pytest.mark.parametrize("name", ["digits", "iris", "wine", "breast_cancer", "diabetes", "linnerud"])
def test_bundled_data_sets_have_no_near_copies(name: str) -> None:
    assert [list(near_duplicates(Bundled(name=name, split_seed=seed).splits())) for seed in range(5)] == [[]] * 5


@pytest.mark.parametrize("kind", [Moons, Blobs, Xor])
def test_generated_points_have_no_near_copies(kind: type[Dataset]) -> None:
    assert [list(near_duplicates(kind(split_seed=seed).splits())) for seed in range(5)] == [[]] * 5


def test_images_with_a_little_noise_are_near_copies() -> None:
    splits = Bundled(name="digits").splits()
    splits.test.features[:20] = splits.train.features[:20]
    splits.test.features[:20, 5] += 0.1  # of a grey level
    splits.test.target[:20] = splits.train.target[:20]
    (leak,) = near_duplicates(splits)
    assert leak.split == "test"
    assert leak.rows == 20


@pytest.mark.slow
@pytest.mark.parametrize(("split", "leaks"), [("random", True), ("official", False), ("group", False)])
def test_copies_of_one_photo_in_two_splits_are_found_without_groups(mlplab_data: Path, split: str, leaks: bool) -> None:
    for seed in range(2):
        splits = SignMNIST(root=str(mlplab_data), split=split, split_seed=seed).splits()  # type: ignore[arg-type]
        found = list(near_duplicates(splits))
        assert bool(found) == leaks
        assert all(leak.rows > 450 for leak in found)


@pytest.mark.slow
def test_the_official_mnist_has_no_near_copies(mlplab_data: Path) -> None:
    for seed in range(2):
        root = str(mlplab_data)
        assert not list(near_duplicates(Vision(name="MNIST", root=root, split="official", split_seed=seed).splits()))


def test_binary_features_give_no_false_alarm() -> None:
    generator = np.random.default_rng(0)
    features = {name: generator.integers(0, 2, (size, 64)).astype(float) for name, size in NEAR_SIZES.items()}
    assert not list(near_duplicates(splits_of(features)))
    same = {name: np.eye(400)[:size] for name, size in NEAR_SIZES.items()}  # all equally far from each other
    assert not list(near_duplicates(splits_of(same)))


SIZES = {"train": 200, "val": 80, "test": 80}
BUNDLED = ["digits", "iris", "wine", "breast_cancer", "diabetes", "linnerud"]


def drawn(seed: int, width: int = 4) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(seed)
    return {name: generator.standard_normal((size, width)) for name, size in SIZES.items()}


@given(seed=st.integers(0, 10_000), place=st.integers(0, 3), num_classes=st.integers(2, 5))
@settings(max_examples=15, deadline=None)
def test_only_the_feature_that_is_the_class_is_found(seed: int, place: int, num_classes: int) -> None:
    features = drawn(seed)
    target = {name: np.arange(size) * 7919 % 1009 % num_classes for name, size in SIZES.items()}
    assert not list(target_leakage(splits_of(features, target)))
    for name in SIZES:
        features[name][:, place] = 3.0 * target[name] + 0.1 * features[name][:, place]
    (leak,) = target_leakage(splits_of(features, target))
    assert leak.what.startswith(f"x{place + 1} alone predicts the target (")


@given(seed=st.integers(0, 10_000), place=st.integers(0, 1), falls=st.booleans())
@settings(max_examples=15, deadline=None)
def test_a_feature_that_is_the_target_in_another_unit_is_found(seed: int, place: int, falls: bool) -> None:
    features, values = drawn(seed), drawn(seed + 1, width=2)
    assert not list(target_leakage(splits_of(features, values)))
    for name in SIZES:
        features[name][:, 2] = 32 + (-1.8 if falls else 1.8) * values[name][:, place]
    (leak,) = target_leakage(splits_of(features, values))
    assert leak.what.startswith("x3 alone")


def test_a_text_column_that_predicts_the_class_is_found_as_one_feature(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    states = ["paid", "late", "lost"]
    rows = [f"{generator.normal():.3f},{states[row % 3]},{row % 3}" for row in range(150)]
    (tmp_path / "t.csv").write_text("\n".join(["age,status,y", *rows]))
    (leak,) = target_leakage(CSV(path=str(tmp_path / "t.csv"), target="y", task="classification").splits())
    assert leak.what == "status alone predicts the target (it corrects 100.0% of the baseline's errors on val)"


def test_the_only_feature_may_predict_the_target() -> None:
    features = drawn(0, width=1)
    assert not list(target_leakage(splits_of(features, {name: 2 * rows for name, rows in features.items()})))


@pytest.mark.parametrize("moved", ["val", "test"])
def test_a_shifted_split_is_found_with_its_feature(moved: str) -> None:
    features = drawn(0)
    assert not list(split_shift(splits_of(features)))
    features[moved][:, 2] += 3
    (leak,) = split_shift(splits_of(features))
    assert (leak.split, leak.rows) == (moved, 80)
    assert "distinguishes them, mostly by x3 (AUC 0.9" in leak.what


def test_a_column_that_numbers_the_rows_of_an_ordered_split_is_found() -> None:
    features, start = drawn(1), 0
    for name, size in SIZES.items():
        features[name][:, 0] = np.arange(start, start + size)
        start += size
    assert [leak.split for leak in split_shift(splits_of(features))] == ["val", "test"]


def test_splits_by_group_are_not_shifted_because_of_their_groups() -> None:
    """Each group has its own location: its rows can be recognised, those of another group cannot."""
    generator = np.random.default_rng(0)
    features, columns = {}, {}
    for name, size in SIZES.items():
        places = generator.standard_normal((size // 5, 4))
        features[name] = np.repeat(places, 5, axis=0) + 0.01 * generator.standard_normal((size, 4))
        columns[name] = {GROUP: [f"{name}{row // 5}" for row in range(size)]}
    assert [leak.split for leak in split_shift(splits_of(features))] == ["val", "test"]
    assert not list(split_shift(splits_of(features, columns=columns)))


def test_a_few_rows_are_too_few_for_a_shift() -> None:
    features = {name: rows[:9] + (100 if name == "val" else 0) for name, rows in drawn(0).items()}
    assert not list(split_shift(splits_of(features)))


@pytest.mark.parametrize("name", BUNDLED)
def test_no_feature_of_the_bundled_data_sets_predicts_the_target(name: str) -> None:
    assert [list(target_leakage(Bundled(name=name, split_seed=seed).splits())) for seed in range(5)] == [[]] * 5


@pytest.mark.slow
@pytest.mark.parametrize("name", BUNDLED)
def test_random_splits_of_bundled_data_sets_are_not_shifted(name: str) -> None:
    assert [list(split_shift(Bundled(name=name, split_seed=seed).splits())) for seed in range(5)] == [[]] * 5


def mnist(root: Path, **more: int) -> Splits:
    return Vision(name="MNIST", root=str(root), split="official", val_fraction=0.1, **more).splits()  # type: ignore[arg-type]


@pytest.mark.slow
def test_the_official_mnist_gives_no_false_alarm_but_a_planted_pixel_does(mlplab_data: Path) -> None:
    for seed in range(2):
        splits = mnist(mlplab_data, split_seed=seed)
        assert not [*target_leakage(splits), *split_shift(splits)]
    for part in (splits.train, splits.val, splits.test):
        part.features[:, 0] = 20 * part.target.to(torch.uint8)
    assert [leak.what.split()[0] for leak in target_leakage(splits)] == ["pixel1"]


@pytest.mark.slow
@pytest.mark.parametrize("split", ["official", "group"])
def test_splits_by_photo_are_not_shifted(mlplab_data: Path, split: str) -> None:
    splits = SignMNIST(root=str(mlplab_data), split=split).splits()  # type: ignore[arg-type]
    assert not [*split_shift(splits), *target_leakage(splits)]
