"""Planted near copies are counted; independent rows, of whatever density, are not."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlplab.data.bundled import Bundled
from mlplab.data.dataset import Dataset
from mlplab.data.leakage import near_duplicates
from mlplab.data.sign_mnist import SignMNIST
from mlplab.data.synthetic import Blobs, Moons, Xor
from mlplab.data.vision import Vision
from tests.data.test_overlap import splits_of

SIZES = {"train": 400, "val": 100, "test": 100}


def drawn(seed: int, width: int) -> dict[str, np.ndarray]:
    """Of no single density: a mixture of a narrow and a wide cloud, features of different units."""
    generator = np.random.default_rng(seed)
    unit = 10.0 ** np.arange(width)
    wide = {name: generator.choice([1.0, 5.0], (size, 1)) for name, size in SIZES.items()}
    return {name: generator.standard_normal((size, width)) * wide[name] * unit for name, size in SIZES.items()}


@given(seed=st.integers(0, 10_000), width=st.integers(3, 8), count=st.integers(0, 40))
@settings(max_examples=25, deadline=None)
def test_k_planted_near_copies_are_counted_as_k(seed: int, width: int, count: int) -> None:
    features = drawn(seed, width)
    generator = np.random.default_rng(seed + 1)
    origin = generator.permutation(SIZES["train"])[:count]
    noise = 1e-9 * generator.standard_normal((count, width))
    features["test"][:count] = features["train"][origin] * (1 + noise)
    target = {name: np.zeros((size, 1)) for name, size in SIZES.items()}
    found = {leak.split: leak.rows for leak in near_duplicates(splits_of(features, target))}
    assert found == ({"test": count} if count else {})


def test_near_copies_are_told_with_the_row_that_they_are_of() -> None:
    features = drawn(0, 3)
    features["val"][4] = features["train"][7] * (1 + 1e-9)
    target = {name: np.zeros((size, 1)) for name, size in SIZES.items()}
    (leak,) = near_duplicates(splits_of(features, target))
    assert (leak.split, leak.rows, leak.examples) == ("val", 1, ("row v4 of row r7",))


def test_equal_rows_are_left_to_the_check_for_copies() -> None:
    features = drawn(0, 3)
    features["val"][:10] = features["train"][:10]
    assert near_duplicates(splits_of(features)) == []


def test_rows_of_few_values_are_near_by_nature() -> None:
    features = {name: np.round(rows / np.abs(rows).max() * 3) for name, rows in drawn(0, 2).items()}
    features["val"][0] = features["train"][0] + 1e-9
    assert near_duplicates(splits_of(features)) == []


def test_a_dozen_training_rows_are_too_few_to_judge() -> None:
    features = {name: rows[:12] for name, rows in drawn(0, 2).items()}
    assert near_duplicates(splits_of(features)) == []


@pytest.mark.parametrize("name", ["digits", "iris", "wine", "breast_cancer", "diabetes", "linnerud"])
def test_bundled_data_sets_give_no_false_alarm(name: str) -> None:
    assert [near_duplicates(Bundled(name=name, split_seed=seed).splits()) for seed in range(5)] == [[]] * 5


@pytest.mark.parametrize("kind", [Moons, Blobs, Xor])
def test_generated_points_give_no_false_alarm(kind: type[Dataset]) -> None:
    assert [near_duplicates(kind(split_seed=seed).splits()) for seed in range(5)] == [[]] * 5


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
def test_copies_of_one_photo_on_two_sides_are_found_without_being_told_of_groups(
    mlplab_data: Path, split: str, leaks: bool
) -> None:
    for seed in range(2):
        splits = SignMNIST(root=str(mlplab_data), split=split, split_seed=seed).splits()  # type: ignore[arg-type]
        found = near_duplicates(splits)
        assert bool(found) == leaks
        assert all(leak.rows > 450 for leak in found)


@pytest.mark.slow
def test_the_official_mnist_gives_no_false_alarm(mlplab_data: Path) -> None:
    for seed in range(2):
        root = str(mlplab_data)
        assert near_duplicates(Vision(name="MNIST", root=root, split="official", split_seed=seed).splits()) == []


def test_rows_of_yes_and_no_give_no_false_alarm() -> None:
    generator = np.random.default_rng(0)
    features = {name: generator.integers(0, 2, (size, 64)).astype(float) for name, size in SIZES.items()}
    assert near_duplicates(splits_of(features)) == []
    same = {name: np.eye(400)[:size] for name, size in SIZES.items()}  # all equally far from each other
    assert near_duplicates(splits_of(same)) == []
