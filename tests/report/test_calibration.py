"""Calibration against counts made by hand and against scikit-learn."""

import numpy as np
import pytest
from matplotlib.figure import Figure
from sklearn.calibration import calibration_curve

from mlplab.report.classification import Calibration


def test_bins_by_hand() -> None:
    found = Calibration(np.array([0.81, 0.89, 0.12, 1.0]), np.array([True, False, False, True]))
    assert found.bins() == [
        (pytest.approx(0.12), 0.0, 1),
        (pytest.approx(0.85), 0.5, 2),
        (1.0, 1.0, 1),
    ]
    assert found.error == pytest.approx((0.12 * 1 + 0.35 * 2 + 0 * 1) / 4)


def test_two_classes_are_told_by_the_second_and_more_by_the_one_that_is_told() -> None:
    two = Calibration.of(np.array([[0.9, 0.1], [0.3, 0.7]]), np.array([0, 1]))
    assert (two.told.tolist(), two.true.tolist()) == ([0.1, 0.7], [False, True])
    three = Calibration.of(np.array([[0.2, 0.5, 0.3], [0.6, 0.2, 0.2]]), np.array([1, 2]))
    assert (three.told.tolist(), three.true.tolist()) == ([0.5, 0.6], [True, False])


def test_scikit_learn_agrees() -> None:
    drawn = np.random.default_rng(0)
    told = drawn.uniform(size=1000)
    true = drawn.uniform(size=1000) < told
    shares, means = calibration_curve(true, told, n_bins=10)
    found = Calibration(told, true).bins()
    assert [row[1] for row in found] == pytest.approx(shares)
    assert [row[0] for row in found] == pytest.approx(means)
    assert Calibration(told, true).error < 0.05


def test_every_bin_is_a_dot() -> None:
    axes = Figure().subplots()
    Calibration(np.array([0.1, 0.9]), np.array([False, True])).draw(axes)
    assert axes.collections[0].get_offsets().tolist() == [[0.1, 0.0], [0.9, 1.0]]  # type: ignore[union-attr]
