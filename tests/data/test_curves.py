"""Curves of one input against their formulas, by hand."""

import numpy as np
import pytest

from mlplab.data.synthetic import Curve, Line, Polynomial, Sine


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


def test_noise_is_the_sd_about_the_curve() -> None:
    rows = Line(num_rows=20_000, noise=0.3, m=2.0, b=1.0).read()
    distance = rows.target - (2 * rows.features + 1)
    assert distance.std() == pytest.approx(0.3, rel=0.02)
    assert distance.mean() == pytest.approx(0, abs=0.01)


def test_training_inputs_given_one_by_one_are_the_training_rows() -> None:
    splits = Line(num_rows=11, noise=0, x_train=[1.0, 2.0], split="official", low=-1.0, high=3.0).splits()
    assert sorted(zip(splits.train.features[:, 0].tolist(), splits.train.target[:, 0].tolist(), strict=True)) == [
        (1.0, 3.0),
        (2.0, 5.0),
    ]
    assert (len(splits.val), len(splits.test)) == (5, 6)
    assert splits.info.feature_names == ("x",)
    assert splits.info.target_names == ("y",)
