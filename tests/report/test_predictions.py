"""What pictures and tables there are of classes, and of values."""

import numpy as np
import pytest

from mlplab.report.predictions import MOST_TARGETS, Predictions

FEATURES = np.zeros((6, 2))
NAMES = ("x1", "x2")


def of_classes(classes: int) -> Predictions:
    target = np.arange(6) % classes
    told = np.full((6, classes), 0.4 / (classes - 1))
    told[np.arange(6), target] = 0.6
    return Predictions(
        "six rows", FEATURES, target, told, told.argmax(axis=1), NAMES, [f"c{n}" for n in range(classes)]
    )


def of_values(targets: int) -> Predictions:
    target = np.random.default_rng(0).normal(size=(6, targets))
    return Predictions("six rows", FEATURES, target, target + 1, None, NAMES, (), [f"t{n}" for n in range(targets)])


def test_classes_have_a_matrix_and_what_probabilities_tell() -> None:
    told = of_classes(3)
    assert [panel.name for panel in told.hits()] == ["confusion"]
    assert [panel.name for panel in told.probabilities()] == ["calibration", "roc", "precision_recall"]
    assert "Expected calibration error 0.400." in told.probabilities()[0].caption
    header, rows = told.per_class()
    assert header == ["class", "precision", "recall", "f1", "support", "ROC area", "average precision"]
    assert rows == [[f"c{n}", 1.0, 1.0, 1.0, 2, 1.0, 1.0] for n in range(3)]


def test_of_two_classes_the_areas_are_those_of_the_second() -> None:
    told = of_classes(2)
    assert [row[-1] for row in told.per_class()[1]] == [None, 1.0]
    assert "Of class c1" in told.probabilities()[1].caption


def test_many_classes_have_a_picture_that_has_room_for_them() -> None:
    told = np.eye(30)
    wide = Predictions("30", np.zeros((30, 2)), np.arange(30), told, np.arange(30), NAMES, [f"c{n}" for n in range(30)])
    assert wide.hits()[0].size[0] > 8 > of_classes(3).hits()[0].size[0]


@pytest.mark.parametrize("targets", [1, 2, MOST_TARGETS + 3])
def test_each_target_has_parity_and_residuals(targets: int) -> None:
    told = of_values(targets)
    assert len(told.hits()) == 2 * min(targets, MOST_TARGETS)
    assert told.probabilities() == []
    assert told.parity.per_target()[0][:2] == ["t0", pytest.approx(-1)]


def test_every_panel_draws_its_own_target() -> None:
    told = of_values(2)
    labels = [panel.drawn()[1].get_xlabel() for panel in told.hits()]
    assert labels == ["target: t0", "prediction: t0", "target: t1", "prediction: t1"]


def test_without_rows_of_a_class_the_rest_is_told() -> None:
    told = Predictions("two", FEATURES[:2], np.array([1, 1]), np.full((2, 2), 0.5), np.array([1, 1]), NAMES, ["a", "b"])
    assert [panel.name for panel in told.probabilities()] == ["calibration"]
    assert told.per_class()[1][0][-2:] == [None, None]
