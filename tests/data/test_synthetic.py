"""Generated datasets follow their formulas; the rows depend on split_seed alone."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mlplab.data.splits import RawData
from mlplab.data.synthetic import Blobs, Circles, Curve, Line, Moons, Points, Polynomial, Sine, Spiral, Xor


def test_the_same_split_seed_gives_the_same_rows() -> None:
    first, again = (Moons(num_rows=50, split_seed=3).read() for _ in range(2))
    assert np.array_equal(first.features, again.features)
    assert np.array_equal(first.target, again.target)


def test_another_split_seed_gives_other_rows() -> None:
    first, other = (Line(num_rows=50, split_seed=seed).read() for seed in (0, 1))
    assert not np.isin(first.features, other.features).any()
    assert not np.isin(first.target, other.target).any()


def test_the_seeds_of_numpy_and_torch_do_not_change_the_rows() -> None:
    torch.manual_seed(1)
    np.random.seed(1)
    first = Moons(num_rows=20).read()
    torch.manual_seed(2)
    np.random.seed(2)
    assert np.array_equal(first.features, Moons(num_rows=20).read().features)


@settings(deadline=None)
@given(num_rows=st.integers(20, 200))
def test_the_splits_have_the_requested_number_of_rows(num_rows: int) -> None:
    splits = Moons(num_rows=num_rows).splits()
    assert len(splits.train) + len(splits.val) + len(splits.test) == num_rows


@pytest.mark.parametrize(
    ("curve", "x", "y"),
    [
        (Line(), [0.0, 1.0, 2.0], [1.0, 3.0, 5.0]),
        (Line(m=-1.0, b=5.0), [1.0, 2.0], [4.0, 3.0]),
        (Sine(), [0.0, 0.25, 0.5, 0.75], [0.0, 1.0, 0.0, -1.0]),
        (Sine(amplitude=3.0, frequency=2.0), [0.125, 0.25, 1 / 24], [3.0, 0.0, 1.5]),
        (Polynomial(), [-1.0, 0.5, 1.0, 2.0], [-1.0, -0.25, 1.0, 14.0]),
        (Polynomial(coefficients=[1.0, 2.0, 3.0]), [0.0, 2.0, -1.0], [1.0, 17.0, 2.0]),
    ],
)
def test_a_curve_has_the_value_of_its_formula(curve: Curve, x: list[float], y: list[float]) -> None:
    np.testing.assert_allclose(curve.value(np.array(x)), y, atol=1e-12)


@pytest.mark.parametrize("kind", [Line, Sine, Polynomial])
def test_without_noise_every_row_lies_on_the_curve(kind: type[Curve]) -> None:
    curve = kind(num_rows=300, noise=0, low=-2.0, high=3.0)
    rows = curve.read()
    assert rows.features.shape == rows.target.shape == (300, 1)
    np.testing.assert_allclose(rows.target, curve.value(rows.features))


def test_inputs_are_spread_evenly_from_low_to_high() -> None:
    x = np.sort(Line(num_rows=2000, low=2.0, high=6.0).read().features[:, 0])
    assert x[0] >= 2
    assert x[-1] <= 6
    assert np.abs(x - np.linspace(2, 6, 2000)).max() < 4 * 1.63 / np.sqrt(2000)


def test_noise_is_the_standard_deviation_around_the_curve() -> None:
    rows = Line(num_rows=20_000, noise=0.3, m=2.0, b=1.0).read()
    distance = rows.target - (2 * rows.features + 1)
    assert distance.std() == pytest.approx(0.3, rel=0.02)
    assert distance.mean() == pytest.approx(0, abs=0.01)


def test_a_list_of_training_inputs_gives_the_training_rows() -> None:
    splits = Line(num_rows=11, noise=0, x_train=[1.0, 2.0], split="official", low=-1.0, high=3.0).splits()
    assert sorted(zip(splits.train.features[:, 0].tolist(), splits.train.target[:, 0].tolist(), strict=True)) == [
        (1.0, 3.0),
        (2.0, 5.0),
    ]
    assert (len(splits.val), len(splits.test)) == (5, 6)
    assert splits.info.feature_names == ("x",)
    assert splits.info.target_names == ("y",)


def clean(dataset: Points) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """x1, x2 and label of the rows."""
    rows: RawData = dataset.read()
    assert isinstance(rows.features, np.ndarray)
    return rows.features[:, 0], rows.features[:, 1], rows.target


def far_from_uniform(values: np.ndarray) -> float:
    """Kolmogorov-Smirnov distance of values in 0..1 from the uniform distribution, in units of 1/sqrt(N).

    It is above 1.63 with probability 0.01.
    """
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


def test_noise_is_the_standard_deviation_of_both_coordinates() -> None:
    x1, x2, label = clean(Blobs(num_rows=20_000, noise=0.5, num_classes=2, radius=3.0))
    for distance in (x1 - np.where(label == 0, 3.0, -3.0), x2):
        assert distance.std() == pytest.approx(0.5, rel=0.02)
        assert distance.mean() == pytest.approx(0, abs=0.02)


@pytest.mark.parametrize(("turns", "num_classes"), [(1.0, 3), (2.5, 2)])
def test_the_angle_of_a_spiral_grows_with_its_radius(turns: float, num_classes: int) -> None:
    x1, x2, label = clean(Spiral(num_rows=15_000, noise=0, turns=turns, num_classes=num_classes))
    radius = np.hypot(x1, x2)
    angle = 2 * np.pi * (turns * radius + label / num_classes)
    np.testing.assert_allclose(x1, radius * np.cos(angle), atol=1e-12)
    np.testing.assert_allclose(x2, radius * np.sin(angle), atol=1e-12)
    assert far_from_uniform(radius) < 1.63
