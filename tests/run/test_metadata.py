"""What a checkpoint knows of its training data."""

from typing import Any

import pytest
import torch

import mlplab
from mlplab.data.splits import Split, Splits
from mlplab.run.build import build_splits
from mlplab.run.metadata import checkpoint_metadata, first_wrong_key, output_sizes


def of_images(features: torch.Tensor) -> dict[str, object]:
    part = Split(features, torch.zeros(len(features), dtype=torch.int64))
    splits = Splits(part, part, part, ("x",) * 9, class_names=("a", "b"), image_size=(3, 3))
    return checkpoint_metadata(mlplab.configure(), splits)


def test_the_border_of_the_training_images_is_told_from_their_middle() -> None:
    black = torch.zeros(2, 9, dtype=torch.uint8)
    black[:, 4] = 255
    assert of_images(black)["image_border"] == [0, 0]
    assert of_images(255 - black)["image_border"] == [1, 1]
    half = torch.full((1, 9), 8.0)
    half[0, 4] = 16
    assert of_images(half)["image_white"] == 16
    assert of_images(half)["image_border"] == [0.5, 0.5]


def test_a_table_has_no_shades() -> None:
    config = mlplab.configure("data=iris")
    known = checkpoint_metadata(config, build_splits(config))
    assert known["image_size"] is known["image_border"] is known["image_white"] is None
    assert known["class_names"] == ["setosa", "versicolor", "virginica"]


@pytest.mark.parametrize(
    ("learner", "outputs", "told"),
    [("classifier", 3, {"num_classes": 3}), ("binary_classifier", 1, {}), ("regressor", 2, {"num_targets": 2})],
)
def test_sizes_follow_from_the_names(learner: str, outputs: int, told: dict[str, int]) -> None:
    assert output_sizes(learner, {"class_names": ["a", "b", "c"], "target_names": ["y", "z"]}) == (outputs, told)


@pytest.mark.parametrize("data", ["iris", "linnerud", "digits"])
def test_a_card_is_as_it_should_be(data: str) -> None:
    config = mlplab.configure(f"data={data}")
    assert first_wrong_key(checkpoint_metadata(config, build_splits(config))) is None


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("in_features", "4"),
        ("in_features", 0),
        ("in_features", True),
        ("feature_names", ["a"]),
        ("feature_names", None),
        ("columns", [{"name": "a"}]),
        ("columns", [{"name": "a", "categories": "ab"}]),
        ("columns", [1]),
        ("class_names", "ab"),
        ("class_names", [0, 1]),
        ("target_names", None),
        ("image_size", [2, 3]),
        ("image_size", [True, 4]),
        ("image_white", "white"),
        ("image_border", 0.5),
    ],
)
def test_what_is_wrong_in_a_card_is_named(key: str, value: Any) -> None:
    config = mlplab.configure("data=iris")
    known = checkpoint_metadata(config, build_splits(config))
    assert first_wrong_key({**known, key: value}) in (key, "feature_names")


@pytest.mark.parametrize("key", ["in_features", "feature_names", "columns", "class_names", "target_names"])
def test_what_a_card_lacks_is_named(key: str) -> None:
    config = mlplab.configure("data=iris")
    known = checkpoint_metadata(config, build_splits(config))
    del known[key]
    assert first_wrong_key(known) in (key, "feature_names")
