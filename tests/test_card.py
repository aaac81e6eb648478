"""What a checkpoint knows of its training data."""

import pytest
import torch

import mlplab
from mlplab.build import build_splits
from mlplab.card import card, sizes
from mlplab.data.splits import Part, Splits


def of_images(features: torch.Tensor) -> dict[str, object]:
    part = Part(features, torch.zeros(len(features), dtype=torch.int64))
    splits = Splits(part, part, part, ("x",) * 9, class_names=("a", "b"), image_size=(3, 3))
    return card(mlplab.configure(), splits)


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
    known = card(config, build_splits(config))
    assert known["image_size"] is known["image_border"] is known["image_white"] is None
    assert known["class_names"] == ["setosa", "versicolor", "virginica"]


@pytest.mark.parametrize(
    ("learner", "outputs", "told"),
    [("classifier", 3, {"num_classes": 3}), ("binary_classifier", 1, {}), ("regressor", 2, {"num_targets": 2})],
)
def test_sizes_follow_from_the_names(learner: str, outputs: int, told: dict[str, int]) -> None:
    assert sizes(learner, {"class_names": ["a", "b", "c"], "target_names": ["y", "z"]}) == (outputs, told)
