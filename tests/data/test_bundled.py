"""Datasets that come with scikit-learn: sizes, names, and rows as they were published."""

import pytest
import torch

from mlplab.data.bundled import Bundled


@pytest.mark.parametrize(
    ("name", "rows", "in_features", "class_names"),
    [
        ("iris", 150, 4, ("setosa", "versicolor", "virginica")),
        ("wine", 178, 13, ("class_0", "class_1", "class_2")),
        ("breast_cancer", 569, 30, ("malignant", "benign")),
        ("digits", 1797, 64, tuple("0123456789")),
    ],
)
def test_classes_have_their_published_size_and_names(
    name: str, rows: int, in_features: int, class_names: tuple[str, ...]
) -> None:
    splits = Bundled(name=name).splits()
    assert len(splits.train) + len(splits.val) + len(splits.test) == rows
    assert splits.in_features == len(splits.info.feature_names) == in_features
    assert splits.class_names == class_names
    assert splits.info.target_names == ()
    assert splits.train.target.dtype == torch.int64


@pytest.mark.parametrize(
    ("name", "rows", "in_features", "target_names"),
    [("diabetes", 442, 10, ("progression",)), ("linnerud", 20, 3, ("Weight", "Waist", "Pulse"))],
)
def test_values_have_their_published_size_and_names(
    name: str, rows: int, in_features: int, target_names: tuple[str, ...]
) -> None:
    splits = Bundled(name=name).splits()
    assert len(splits.train) + len(splits.val) + len(splits.test) == rows
    assert splits.in_features == len(splits.info.feature_names) == in_features
    assert splits.info.target_names == target_names
    assert splits.class_names == ()
    assert splits.train.target.shape == (len(splits.train), len(target_names))


def test_iris_starts_with_the_published_row_and_is_split_evenly() -> None:
    rows = Bundled(name="iris").read()
    assert rows.features[0].tolist() == [5.1, 3.5, 1.4, 0.2]
    assert rows.feature_names[0] == "sepal length (cm)"
    splits = Bundled(name="iris").splits()
    counts = [torch.bincount(part.target).tolist() for part in (splits.train, splits.val, splits.test)]
    assert counts == [[30, 30, 30], [10, 10, 10], [10, 10, 10]]


def test_digits_are_images_of_8_by_8() -> None:
    rows = Bundled(name="digits").read()
    assert rows.image_size == (8, 8)
    assert rows.features[0, :8].tolist() == [0, 0, 5, 13, 9, 1, 0, 0]
    assert rows.target[:10].tolist() == list(range(10))
    assert Bundled(name="iris").read().image_size is None


def test_linnerud_starts_with_the_published_row() -> None:
    rows = Bundled(name="linnerud").read()
    assert rows.features[0].tolist() == [5, 162, 60]
    assert rows.target[0].tolist() == [191, 36, 50]


def test_diabetes_is_in_its_own_units_not_scaled_by_mean_and_sd_of_all_rows() -> None:
    rows = Bundled(name="diabetes").read()
    assert rows.features[0].tolist() == pytest.approx([59, 2, 32.1, 101, 157, 93.2, 38, 4, 4.8598, 87])
    assert rows.target[0].tolist() == [151]
