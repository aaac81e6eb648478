"""What the lesson of a leak reckons, on images made by hand; and the lesson itself."""

from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from mlplab.data.splits import DataInfo, Split, Splits, Task
from mlplab.lesson.asl import PAIRS, draw_pairs, nearest
from tests.conftest import holds_as_the_book_says


def splits() -> Splits:
    """Training images of one shade each; each of validation is 51 off one of them in one pixel, a fifth of white."""
    shades = torch.arange(0, 200, 20, dtype=torch.uint8)
    train = shades[:, None].expand(10, 784).clone()
    val = train.flip(0).clone()
    val[:, 5] += 51
    label = torch.arange(10)
    parts = {"train": Split(train, label), "val": Split(val, label.flip(0)), "test": Split(val, label)}
    info = DataInfo(Task.CLASSIFICATION, ("",) * 784, tuple("ABCDEFGHIJ"), image_size=(28, 28))
    return Splits(**parts, info=info)


def test_the_nearest_training_image_and_how_far_it_is() -> None:
    distance, place = nearest(splits())
    assert place.tolist() == [*reversed(range(10))]
    assert distance == pytest.approx(np.full(10, 0.2), abs=2e-3)


def test_each_validation_image_stands_above_its_nearest() -> None:
    axes = Figure().subplots()
    draw_pairs(axes, splits())
    images = [np.asarray(image.get_array()) for image in axes.get_images()]
    assert len(images) == 2 * PAIRS
    for own, near in zip(images[:PAIRS], images[PAIRS:], strict=True):
        assert (own != near).sum() == 1
    assert [text.get_text() for text in axes.texts] == [*"JIHGFE", *(f"{name}, 0.2 away" for name in "JIHGFE")]


@pytest.mark.long
def test_copies_of_a_photo_feign_what_new_photos_do_not_keep(tmp_path: Path, mlplab_data: Path) -> None:
    holds_as_the_book_says("asl", tmp_path)
