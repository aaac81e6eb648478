"""The worst rows, found by hand."""

import numpy as np

from mlplab.report.run_page import (
    MAX_FEATURES,
    add_features,
    classes_table,
    image_captions,
    to_images,
    values_table,
    worst_classified,
    worst_regressed,
)

TOLD = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])
TARGET, CHOSEN, NAMES = np.array([0, 0, 1]), np.array([0, 1, 0]), ["no", "yes"]


def test_the_least_sure_of_the_truth_comes_first() -> None:
    assert worst_classified(TOLD, TARGET, 2).tolist() == [1, 2]
    assert worst_classified(TOLD, TARGET, 9).tolist() == [1, 2, 0]


def test_errors_are_compared_in_units_of_each_target() -> None:
    target = np.array([[0.0, 0.0], [1000.0, 1.0], [2000.0, 2.0]])
    predictions = target + np.array([[100.0, 0.0], [0.0, 1.0], [300.0, 0.0]])
    assert worst_regressed(target, predictions, 2).tolist() == [1, 2]  # 100 and 300 of sd 816 are less than 1 of sd 0.8
    assert worst_regressed(np.ones((2, 1)), np.array([[1.0], [2.0]]), 1).tolist() == [1]


def test_what_is_told_of_them() -> None:
    places = np.array([1, 2])
    assert image_captions(places, TOLD, TARGET, CHOSEN, NAMES)[0] == ["row 2", "is no (0.2)", "told yes (0.8)"]
    _, rows = classes_table(places, TOLD, TARGET, CHOSEN, NAMES)
    assert rows == [[2, "no", 0.2, "yes", 0.8], [3, "yes", 0.4, "no", 0.6]]
    header, rows = values_table(np.array([1]), np.array([[1.0], [5.0]]), np.array([[1.0], [3.5]]), ["kg"])
    assert header == ["row", "kg", "predicted", "residual"]
    assert rows == [[2, 5.0, 3.5, 1.5]]
    header, rows = values_table(np.array([0]), np.array([[1.0, 5.0]]), np.array([[1.0, 3.5]]), ["kg", "m"])
    assert header[4:] == ["m", "predicted m", "residual of m"]
    assert rows == [[1, 1.0, 1.0, 0.0, 5.0, 3.5, 1.5]]


def test_the_inputs_that_matter_most_are_shown() -> None:
    features = np.arange(24).reshape(2, 12)
    names = [f"x{number}" for number in range(12)]
    header, rows = add_features((["row"], [[2]]), np.array([1]), features, names, [11, 3, *range(3), *range(4, 11)])
    assert header[:3] == ["row", "x11", "x3"]
    assert rows[0][:3] == [2, 23.0, 15.0]
    assert len(header) == 1 + MAX_FEATURES


def test_pixels_become_grey_from_black_to_white() -> None:
    found = to_images(np.array([[0.0, 8.0, 16.0, 4.0]], dtype=np.float32), (2, 2))
    assert found.tolist() == [[[0, 128], [255, 64]]]
    assert found.dtype == np.uint8
    pixels = np.array([[7, 9]], dtype=np.uint8)
    assert to_images(pixels, (1, 2)).tolist() == [[[7, 9]]]
