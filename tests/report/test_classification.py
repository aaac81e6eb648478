"""Results of a classifier, against counts by hand and scikit-learn."""

import csv
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure
from PIL import Image
from sklearn.calibration import calibration_curve

from mlplab.report.classification import (
    FEW,
    Calibration,
    Confusion,
    RankingCurves,
    draw_threshold_curves,
    draw_thresholds,
    threshold_scores,
)

# a: 2 of 3 correct; b: 1 of 2; c: never predicted
BY_HAND = Confusion(np.array([0, 0, 0, 1, 1, 2]), np.array([0, 0, 1, 1, 0, 0]), ["a", "b", "c"])


def test_rows_are_true_classes_and_columns_predicted_ones() -> None:
    assert BY_HAND.rows() == [["true class", "a", "b", "c"], ["a", 2, 1, 0], ["b", 1, 1, 0], ["c", 1, 0, 0]]


def test_precision_recall_f1_and_support_of_each_class() -> None:
    _, a, b, c = BY_HAND.per_class()
    assert a == ["a", pytest.approx(2 / 4), pytest.approx(2 / 3), pytest.approx(4 / 7), 3]
    assert b == ["b", pytest.approx(1 / 2), pytest.approx(1 / 2), pytest.approx(1 / 2), 2]
    assert c == ["c", 0.0, 0.0, 0.0, 1]


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1))
def test_every_row_is_counted_once(pairs: list[tuple[int, int]]) -> None:
    target, chosen = np.array(pairs).T
    matrix = Confusion(target, chosen, list("abcd")).matrix
    assert matrix.sum() == len(pairs)
    assert matrix.sum(axis=1).tolist() == np.bincount(target, minlength=4).tolist()
    assert np.trace(matrix) == (target == chosen).sum()


def test_text_has_the_matrix_of_few_classes_and_the_most_frequent_errors_of_many() -> None:
    lines = BY_HAND.text().splitlines()
    assert lines[0].split() == ["true", "class,", "predicted", "as", "a", "b", "c"]
    assert lines[2].split() == ["a", "2", "1", "0"]
    names = [f"class{number}" for number in range(40)]
    target = np.array([*range(40), 7, 7, 3])
    chosen = np.array([*range(40), 9, 9, 4])
    text = Confusion(target, chosen, names).text()
    assert next(line.split() for line in text.splitlines()[2:]) == ["class7", "class9", "2"]


@pytest.mark.parametrize("names", [["a", "b", "c"], ["a rather long name of a class", "b", "c"]])
def test_the_picture_is_drawn(tmp_path: Path, names: list[str]) -> None:
    Confusion(BY_HAND.target, BY_HAND.chosen, names).draw("a title", tmp_path / "c.png")
    with Image.open(tmp_path / "c.png") as image:
        shades = np.asarray(image.convert("L"))
    assert (shades == shades.max()).mean() > 0.2
    assert (shades < 100).any()


def test_rows_can_be_read_back_as_csv() -> None:
    text = StringIO()
    csv.writer(text).writerows(BY_HAND.rows())
    assert next(csv.reader(StringIO(text.getvalue()))) == ["true class", "a", "b", "c"]


def test_calibration_bins_by_hand() -> None:
    found = Calibration(np.array([0.81, 0.89, 0.12, 1.0]), np.array([True, False, False, True]))
    assert found.bins() == [
        (pytest.approx(0.12), 0.0, 1),
        (pytest.approx(0.85), 0.5, 2),
        (1.0, 1.0, 1),
    ]
    assert found.error == pytest.approx((0.12 * 1 + 0.35 * 2 + 0 * 1) / 4)


def test_calibration_takes_the_second_of_two_classes_and_the_most_probable_of_more() -> None:
    two = Calibration.of(np.array([[0.9, 0.1], [0.3, 0.7]]), np.array([0, 1]))
    assert (two.probability.tolist(), two.correct.tolist()) == ([0.1, 0.7], [False, True])
    three = Calibration.of(np.array([[0.2, 0.5, 0.3], [0.6, 0.2, 0.2]]), np.array([1, 2]))
    assert (three.probability.tolist(), three.correct.tolist()) == ([0.5, 0.6], [True, False])


def test_scikit_learn_has_the_same_calibration_curve() -> None:
    random = np.random.default_rng(0)
    probability = random.uniform(size=1000)
    positive = random.uniform(size=1000) < probability
    fractions, means = calibration_curve(positive, probability, n_bins=10)
    found = Calibration(probability, positive).bins()
    assert [row[1] for row in found] == pytest.approx(fractions)
    assert [row[0] for row in found] == pytest.approx(means)
    assert Calibration(probability, positive).error < 0.05


def test_every_bin_is_a_dot() -> None:
    axes = Figure().subplots()
    Calibration(np.array([0.1, 0.9]), np.array([False, True])).draw(axes)
    assert axes.collections[0].get_offsets().tolist() == [[0.1, 0.0], [0.9, 1.0]]  # type: ignore[union-attr]


# of class 1: two rows above all of class 0 but one: 3 of 4 pairs are in order
FOUR = RankingCurves(
    np.array([0, 0, 1, 1]), np.array([[0.9, 0.1], [0.6, 0.4], [0.65, 0.35], [0.2, 0.8]]), ["no", "yes"]
)


def many_classes(classes: int) -> RankingCurves:
    random = np.random.default_rng(0)
    probabilities = random.dirichlet(np.ones(classes), 400)
    return RankingCurves(random.integers(0, classes, 400), probabilities, [f"c{n}" for n in range(classes)])


def test_areas_under_the_curves_by_hand() -> None:
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


def test_all_classes_are_drawn_and_the_worst_are_labelled() -> None:
    found = many_classes(7)
    axes = Figure().subplots()
    found.draw_precision(axes)
    assert len(axes.get_lines()) == 7
    least = sorted(found.areas.values(), key=lambda areas: areas[1])[:FEW]
    labels = {text.get_text().split(": ")[1] for text in axes.texts}
    assert labels == {f"{areas[1]:.3f}" for areas in least}


TARGET = np.array([0, 0, 1, 0, 1, 1])
PROBABILITY = np.array([0.1, 0.3, 0.4, 0.6, 0.7, 0.95])


def test_precision_recall_and_f1_by_threshold_by_hand() -> None:
    precision, recall, f1 = threshold_scores(TARGET, PROBABILITY, [0.05, 0.5, 0.9, 0.99])
    assert precision == pytest.approx([1 / 2, 2 / 3, 1, 0])
    assert recall == pytest.approx([1, 2 / 3, 1 / 3, 0])
    assert f1 == pytest.approx([2 / 3, 2 / 3, 1 / 2, 0])


def test_a_probability_at_the_threshold_is_predicted_as_class_1() -> None:
    assert threshold_scores(TARGET, PROBABILITY, [0.95])[1] == pytest.approx([1 / 3])


def test_each_score_is_a_named_line() -> None:
    axes = Figure().subplots()
    draw_thresholds(axes, threshold_scores(TARGET, PROBABILITY, [0.2, 0.5, 0.8]), [0.2, 0.5, 0.8])
    assert {text.get_text() for text in axes.texts} == {"precision", "recall", "F1"}


def test_the_thresholds_lie_on_the_curves() -> None:
    roc, pr = Figure().subplots(1, 2)
    draw_threshold_curves(roc, pr, TARGET, PROBABILITY, [0.2, 0.5, 0.8])
    _, curve, dots = roc.get_lines()
    assert dots.get_xydata().tolist() == [pytest.approx(at) for at in ([2 / 3, 1], [1 / 3, 2 / 3], [0, 1 / 3])]
    assert (curve.get_xydata()[0].tolist(), curve.get_xydata()[-1].tolist()) == ([0, 0], [1, 1])
    assert "0.89" in roc.get_title(), "8 of 9 pairs are in the right order"
    assert {text.get_text() for text in pr.texts} == {"0.2", "0.5", "0.8"}
