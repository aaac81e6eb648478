"""Tests the nearest training images, their figure, and the lesson in full."""

from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from mlplab.data.splits import DataInfo, Split, Splits, Task
from mlplab.lesson.asl import NUM_PAIRS, draw_pairs, nearest_training
from tests.conftest import passes_with_the_claims_of_the_page


def splits() -> Splits:
    """Uniform training images; each validation image differs from one of them by 51 (0.2 of white) in one pixel."""
    shades = torch.arange(0, 200, 20, dtype=torch.uint8)
    train = shades[:, None].expand(10, 784).clone()
    val = train.flip(0).clone()
    val[:, 5] += 51
    label = torch.arange(10)
    parts = {"train": Split(train, label), "val": Split(val, label.flip(0)), "test": Split(val, label)}
    info = DataInfo(Task.CLASSIFICATION, ("",) * 784, tuple("ABCDEFGHIJ"), image_size=(28, 28))
    return Splits(**parts, info=info)


def test_the_nearest_training_image_and_its_distance() -> None:
    distance, place = nearest_training(splits())
    assert place.tolist() == [*reversed(range(10))]
    assert distance == pytest.approx(np.full(10, 0.2), abs=2e-3)


def test_each_validation_image_is_above_its_nearest_training_image() -> None:
    axes = Figure().subplots()
    draw_pairs(axes, splits())
    images = [np.asarray(image.get_array()) for image in axes.get_images()]
    assert len(images) == 2 * NUM_PAIRS
    for own, near in zip(images[:NUM_PAIRS], images[NUM_PAIRS:], strict=True):
        assert (own != near).sum() == 1
    assert [text.get_text() for text in axes.texts] == [*"JIHGFE", *(f"{name} (0.2)" for name in "JIHGFE")]


@pytest.mark.long
def test_copies_of_a_photo_inflate_the_test_accuracy(tmp_path: Path, mlplab_data: Path) -> None:
    passes_with_the_claims_of_the_page("asl", tmp_path)
