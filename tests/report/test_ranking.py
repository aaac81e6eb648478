"""ROC and precision-recall curves, by hand where there are four rows."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from mlplab.report.classification import FEW, RankingCurves

# of class 1: two rows above all of class 0 but one: 3 of 4 pairs are in order
FOUR = RankingCurves(
    np.array([0, 0, 1, 1]), np.array([[0.9, 0.1], [0.6, 0.4], [0.65, 0.35], [0.2, 0.8]]), ["no", "yes"]
)


def many(classes: int) -> RankingCurves:
    drawn = np.random.default_rng(0)
    told = drawn.dirichlet(np.ones(classes), 400)
    return RankingCurves(drawn.integers(0, classes, 400), told, [f"c{n}" for n in range(classes)])


def test_areas_by_hand() -> None:
    assert FOUR.areas == {1: (pytest.approx(0.75), pytest.approx(0.5 * 1 + 0.5 * 2 / 3))}


def test_a_class_without_rows_has_no_curve() -> None:
    found = RankingCurves(np.array([0, 2, 2]), np.full((3, 3), 1 / 3), ["a", "b", "c"])
    assert found.classes == [0, 2]
    assert RankingCurves(np.array([1, 1]), np.full((2, 2), 0.5), ["a", "b"]).classes == []


def test_the_roc_curve_climbs_from_corner_to_corner() -> None:
    axes = Figure().subplots()
    FOUR.draw_roc(axes)
    x, y = (np.asarray(values) for values in axes.get_lines()[1].get_data())
    assert (x[0], y[0], x[-1], y[-1]) == (0, 0, 1, 1)
    assert (np.diff(x) >= 0).all()
    assert float(np.trapezoid(y, x)) == pytest.approx(0.75)
    assert [text.get_text() for text in axes.texts] == ["yes: 0.750"]


def test_of_many_classes_the_worst_are_named_and_all_are_drawn() -> None:
    found = many(7)
    axes = Figure().subplots()
    found.draw_precision(axes)
    assert len(axes.get_lines()) == 7
    least = sorted(found.areas.values(), key=lambda areas: areas[1])[:FEW]
    told = {text.get_text().split(": ")[1] for text in axes.texts}
    assert told == {f"{areas[1]:.3f}" for areas in least}
