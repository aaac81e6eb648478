"""Points in the plane against their formulas, by hand."""

import numpy as np
import pytest

from mlplab.data.splits import RawData
from mlplab.data.synthetic import Blobs, Circles, Moons, Points, Spiral, Xor


def clean(dataset: Points) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """x1, x2 and label of the rows."""
    rows: RawData = dataset.read()
    assert isinstance(rows.features, np.ndarray)
    return rows.features[:, 0], rows.features[:, 1], rows.target


def far_from_uniform(values: np.ndarray) -> float:
    """Kolmogorov's distance of values in 0..1 from the uniform law, in units of 1/sqrt(N); above 1.63 once in 100."""
    count = len(values)
    return float(np.abs(np.sort(values) - (np.arange(count) + 0.5) / count).max() * np.sqrt(count))


@pytest.mark.parametrize("dataset", [Xor, Moons, Circles, Blobs, Spiral])
def test_classes_have_equal_numbers_of_rows_to_within_one(dataset: type[Points]) -> None:
    rows = dataset(num_rows=101, num_classes=2).read()
    assert rows.features.shape == (101, 2)
    assert rows.feature_names == ("x1", "x2")
    assert sorted(np.bincount(rows.target)) == [50, 51]


def test_xor_is_four_corners_and_class_1_is_where_the_signs_differ() -> None:
    x1, x2, label = clean(Xor(num_rows=400, noise=0))
    assert np.array_equal(np.abs(x1), np.ones(400))
    assert np.array_equal(np.abs(x2), np.ones(400))
    assert np.array_equal(label == 1, x1 * x2 < 0)
    corners = np.unique(np.stack([x1, x2]), axis=1, return_counts=True)[1]
    assert len(corners) == 4
    assert corners.min() > 70


def test_moons_are_two_half_circles_of_radius_1() -> None:
    x1, x2, label = clean(Moons(num_rows=20_000, noise=0))
    upper, lower = label == 0, label == 1
    np.testing.assert_allclose(x1[upper] ** 2 + x2[upper] ** 2, 1)
    np.testing.assert_allclose((x1[lower] - 1) ** 2 + (x2[lower] - 0.5) ** 2, 1)
    assert x2[upper].min() >= 0
    assert x2[lower].max() <= 0.5
    for angle in (np.arccos(x1[upper]), np.arccos(1 - x1[lower])):
        assert far_from_uniform(angle / np.pi) < 1.63


def test_circles_have_radius_1_and_factor() -> None:
    x1, x2, label = clean(Circles(num_rows=20_000, noise=0, factor=0.3))
    np.testing.assert_allclose(np.hypot(x1, x2), np.where(label == 0, 1.0, 0.3))
    assert far_from_uniform(np.arctan2(x2, x1) / (2 * np.pi) % 1) < 1.63


def test_blobs_without_noise_are_their_centres_on_a_circle() -> None:
    x1, x2, label = clean(Blobs(num_rows=400, noise=0, num_classes=4, radius=5.0))
    centres = np.array([[5, 0], [0, 5], [-5, 0], [0, -5]])
    np.testing.assert_allclose(np.stack([x1, x2], axis=1), centres[label], atol=1e-12)


def test_noise_is_the_sd_of_both_coordinates_about_the_clean_point() -> None:
    x1, x2, label = clean(Blobs(num_rows=20_000, noise=0.5, num_classes=2, radius=3.0))
    for distance in (x1 - np.where(label == 0, 3.0, -3.0), x2):
        assert distance.std() == pytest.approx(0.5, rel=0.02)
        assert distance.mean() == pytest.approx(0, abs=0.02)


@pytest.mark.parametrize(("turns", "num_classes"), [(1.0, 3), (2.5, 2)])
def test_a_spirals_angle_grows_with_its_radius_from_its_own_start(turns: float, num_classes: int) -> None:
    x1, x2, label = clean(Spiral(num_rows=15_000, noise=0, turns=turns, num_classes=num_classes))
    radius = np.hypot(x1, x2)
    angle = 2 * np.pi * (turns * radius + label / num_classes)
    np.testing.assert_allclose(x1, radius * np.cos(angle), atol=1e-12)
    np.testing.assert_allclose(x2, radius * np.sin(angle), atol=1e-12)
    assert far_from_uniform(radius) < 1.63
