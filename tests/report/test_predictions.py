"""Figures and tables of the predictions of a classifier and of a regression."""

import numpy as np
import pytest

from mlplab.report.predictions import MAX_TARGETS, Predictions

FEATURES = np.zeros((6, 2))
NAMES = ("x1", "x2")


def classified(classes: int) -> Predictions:
    target = np.arange(6) % classes
    probabilities = np.full((6, classes), 0.4 / (classes - 1))
    probabilities[np.arange(6), target] = 0.6
    return Predictions(
        "six rows",
        FEATURES,
        target,
        probabilities,
        probabilities.argmax(axis=1),
        NAMES,
        [f"c{n}" for n in range(classes)],
    )


def regressed(targets: int) -> Predictions:
    target = np.random.default_rng(0).normal(size=(6, targets))
    return Predictions("six rows", FEATURES, target, target + 1, None, NAMES, (), [f"t{n}" for n in range(targets)])


def test_a_classifier_has_a_confusion_matrix_and_curves_of_its_probabilities() -> None:
    found = classified(3)
    assert [panel.name for panel in found.result_panels()] == ["confusion"]
    assert [panel.name for panel in found.probability_panels()] == ["calibration", "roc", "precision_recall"]
    assert "Expected calibration error 0.400." in found.probability_panels()[0].caption
    header, rows = found.per_class()
    assert header == ["class", "precision", "recall", "f1", "support", "ROC AUC", "average precision"]
    assert rows == [[f"c{n}", 1.0, 1.0, 1.0, 2, 1.0, 1.0] for n in range(3)]


def test_the_areas_of_two_classes_are_those_of_the_second() -> None:
    found = classified(2)
    assert [row[-1] for row in found.per_class()[1]] == [None, 1.0]
    assert "Class c1; " in found.probability_panels()[1].caption


def test_a_row_has_its_true_and_its_predicted_class_with_their_probabilities() -> None:
    probabilities, names = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]]), ["no", "yes"]
    found = Predictions("", FEATURES[:3], np.array([0, 0, 1]), probabilities, np.array([0, 1, 0]), NAMES, names)
    assert found.classified_rows(np.array([1, 2])) == [[2, "no", 0.2, "yes", 0.8], [3, "yes", 0.4, "no", 0.6]]


def test_the_confusion_matrix_of_many_classes_is_larger() -> None:
    certain = np.eye(30)
    wide = Predictions(
        "30", np.zeros((30, 2)), np.arange(30), certain, np.arange(30), NAMES, [f"c{n}" for n in range(30)]
    )
    assert wide.result_panels()[0].size[0] > 8 > classified(3).result_panels()[0].size[0]


@pytest.mark.parametrize("targets", [1, 2, MAX_TARGETS + 3])
def test_each_target_has_panels_of_predictions_and_residuals(targets: int) -> None:
    found = regressed(targets)
    assert len(found.result_panels()) == 2 * min(targets, MAX_TARGETS)
    assert found.probability_panels() == []
    assert found.parity.per_target()[0][:2] == ["t0", pytest.approx(-1)]


def test_every_panel_draws_its_own_target() -> None:
    found = regressed(2)
    labels = [panel.plot()[1].get_xlabel() for panel in found.result_panels()]
    assert labels == ["target: t0", "prediction: t0", "target: t1", "prediction: t1"]


def test_without_rows_of_a_class_there_is_no_roc_curve() -> None:
    found = Predictions(
        "two", FEATURES[:2], np.array([1, 1]), np.full((2, 2), 0.5), np.array([1, 1]), NAMES, ["a", "b"]
    )
    assert [panel.name for panel in found.probability_panels()] == ["calibration"]
    assert found.per_class()[1][0][-2:] == [None, None]
