"""A planted feature that tells the target, and splits of other origin, are found; ordinary data give no alarm."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mlplab.data.bundled import Bundled
from mlplab.data.csv import CSV
from mlplab.data.leakage import split_shift, target_leakage
from mlplab.data.sign_mnist import SignMNIST
from mlplab.data.splits import GROUP, Splits
from mlplab.data.vision import Vision
from tests.data.test_overlap import splits_of

SIZES = {"train": 200, "val": 80, "test": 80}
BUNDLED = ["digits", "iris", "wine", "breast_cancer", "diabetes", "linnerud"]


def drawn(seed: int, width: int = 4) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(seed)
    return {name: generator.standard_normal((size, width)) for name, size in SIZES.items()}


@given(seed=st.integers(0, 10_000), place=st.integers(0, 3), num_classes=st.integers(2, 5))
@settings(max_examples=15, deadline=None)
def test_a_feature_that_is_the_class_is_found_and_no_other(seed: int, place: int, num_classes: int) -> None:
    features = drawn(seed)
    target = {name: np.arange(size) * 7919 % 1009 % num_classes for name, size in SIZES.items()}
    assert target_leakage(splits_of(features, target)) == []
    for name in SIZES:
        features[name][:, place] = 3.0 * target[name] + 0.1 * features[name][:, place]
    (leak,) = target_leakage(splits_of(features, target))
    assert leak.what.startswith(f"x{place + 1} alone tells the target (")


@given(seed=st.integers(0, 10_000), place=st.integers(0, 1), falls=st.booleans())
@settings(max_examples=15, deadline=None)
def test_a_feature_that_is_a_value_in_another_unit_is_found(seed: int, place: int, falls: bool) -> None:
    features, values = drawn(seed), drawn(seed + 1, width=2)
    assert target_leakage(splits_of(features, values)) == []
    for name in SIZES:
        features[name][:, 2] = 32 + (-1.8 if falls else 1.8) * values[name][:, place]
    (leak,) = target_leakage(splits_of(features, values))
    assert leak.what.startswith("x3 alone")


def test_a_column_of_words_that_tells_the_class_is_found_as_one_feature(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    words = ["paid", "late", "lost"]
    rows = [f"{generator.normal():.3f},{words[row % 3]},{row % 3}" for row in range(150)]
    (tmp_path / "t.csv").write_text("\n".join(["age,status,y", *rows]))
    (leak,) = target_leakage(CSV(path=str(tmp_path / "t.csv"), target="y", task="classes").splits())
    assert leak.what == "status alone tells the target (100.0% of what the baseline gets wrong, on val)"


def test_an_only_feature_may_tell_the_target() -> None:
    features = drawn(0, width=1)
    assert target_leakage(splits_of(features, {name: 2 * rows for name, rows in features.items()})) == []


@pytest.mark.parametrize("moved", ["val", "test"])
def test_a_split_that_lies_elsewhere_is_found_with_the_feature_that_tells(moved: str) -> None:
    features = drawn(0)
    assert split_shift(splits_of(features)) == []
    features[moved][:, 2] += 3
    (leak,) = split_shift(splits_of(features))
    assert (leak.split, leak.rows) == (moved, 80)
    assert "tells them apart, most by x3 (AUC 0.9" in leak.what


def test_a_column_that_numbers_the_rows_of_an_ordered_split_is_found() -> None:
    features, start = drawn(1), 0
    for name, size in SIZES.items():
        features[name][:, 0] = np.arange(start, start + size)
        start += size
    assert [leak.split for leak in split_shift(splits_of(features))] == ["val", "test"]


def test_splits_by_group_are_not_unlike_for_their_groups() -> None:
    """Each group lies at a place of its own: rows of it are known again, but not those of the next."""
    generator = np.random.default_rng(0)
    features, columns = {}, {}
    for name, size in SIZES.items():
        places = generator.standard_normal((size // 5, 4))
        features[name] = np.repeat(places, 5, axis=0) + 0.01 * generator.standard_normal((size, 4))
        columns[name] = {GROUP: [f"{name}{row // 5}" for row in range(size)]}
    assert [leak.split for leak in split_shift(splits_of(features))] == ["val", "test"]
    assert split_shift(splits_of(features, columns=columns)) == []


def test_a_few_rows_are_too_few_to_tell_splits_apart() -> None:
    features = {name: rows[:9] + (100 if name == "val" else 0) for name, rows in drawn(0).items()}
    assert split_shift(splits_of(features)) == []


@pytest.mark.parametrize("name", BUNDLED)
def test_bundled_data_sets_have_no_feature_that_tells_all(name: str) -> None:
    assert [target_leakage(Bundled(name=name, split_seed=seed).splits()) for seed in range(5)] == [[]] * 5


@pytest.mark.slow
@pytest.mark.parametrize("name", BUNDLED)
def test_random_splits_of_bundled_data_sets_are_alike(name: str) -> None:
    assert [split_shift(Bundled(name=name, split_seed=seed).splits()) for seed in range(5)] == [[]] * 5


def mnist(root: Path, **more: int) -> Splits:
    return Vision(name="MNIST", root=str(root), split="official", val_fraction=0.1, **more).splits()  # type: ignore[arg-type]


@pytest.mark.slow
def test_the_official_mnist_gives_no_false_alarm_but_a_planted_pixel_does(mlplab_data: Path) -> None:
    for seed in range(2):
        splits = mnist(mlplab_data, split_seed=seed)
        assert target_leakage(splits) == split_shift(splits) == []
    for part in (splits.train, splits.val, splits.test):
        part.features[:, 0] = 20 * part.target.to(torch.uint8)
    assert [leak.what.split()[0] for leak in target_leakage(splits)] == ["pixel1"]


@pytest.mark.slow
@pytest.mark.parametrize("split", ["official", "group"])
def test_photos_of_their_own_make_no_split_unlike(mlplab_data: Path, split: str) -> None:
    splits = SignMNIST(root=str(mlplab_data), split=split).splits()  # type: ignore[arg-type]
    assert split_shift(splits) == target_leakage(splits) == []
