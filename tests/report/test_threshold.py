"""Scores by threshold, counted by hand; curves go through them."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from mlplab.report.classification import draw_curves, draw_thresholds, threshold_scores

TARGET = np.array([0, 0, 1, 0, 1, 1])
PROBABILITY = np.array([0.1, 0.3, 0.4, 0.6, 0.7, 0.95])


def test_precision_recall_and_f1_are_as_counted_by_hand() -> None:
    precision, recall, f1 = threshold_scores(TARGET, PROBABILITY, [0.05, 0.5, 0.9, 0.99])
    assert precision == pytest.approx([1 / 2, 2 / 3, 1, 0])
    assert recall == pytest.approx([1, 2 / 3, 1 / 3, 0])
    assert f1 == pytest.approx([2 / 3, 2 / 3, 1 / 2, 0])


def test_a_probability_at_the_threshold_is_of_class_1() -> None:
    assert threshold_scores(TARGET, PROBABILITY, [0.95])[1] == pytest.approx([1 / 3])


def test_each_score_is_a_named_line() -> None:
    axes = Figure().subplots()
    draw_thresholds(axes, threshold_scores(TARGET, PROBABILITY, [0.2, 0.5, 0.8]), [0.2, 0.5, 0.8])
    assert {text.get_text() for text in axes.texts} == {"precision", "recall", "F1"}


def test_the_thresholds_lie_on_the_curves() -> None:
    roc, pr = Figure().subplots(1, 2)
    draw_curves(roc, pr, TARGET, PROBABILITY, [0.2, 0.5, 0.8])
    _, curve, dots = roc.get_lines()
    assert dots.get_xydata().tolist() == [pytest.approx(at) for at in ([2 / 3, 1], [1 / 3, 2 / 3], [0, 1 / 3])]
    assert (curve.get_xydata()[0].tolist(), curve.get_xydata()[-1].tolist()) == ([0, 0], [1, 1])
    assert "0.89" in roc.get_title(), "8 of 9 pairs are in the right order"
    assert {text.get_text() for text in pr.texts} == {"0.2", "0.5", "0.8"}
