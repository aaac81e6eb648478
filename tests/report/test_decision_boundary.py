"""Pictures over one or two inputs: what a real learner tells at each place."""

import numpy as np
import pytest
import torch
from torch import nn

from mlplab.learner.binary_classifier import BinaryClassifier
from mlplab.learner.classifier import Classifier
from mlplab.learner.regressor import Regressor
from mlplab.report.decision_boundary import boundary_panels, predict_function, probability_columns

DRAWN = np.random.default_rng(0)


def points(width: int, target: np.ndarray) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    return {"train": (DRAWN.normal(size=(len(target), width)).astype(np.float32), target)}


def test_two_classes_are_told_with_a_column_each() -> None:
    learner = BinaryClassifier(nn.Linear(2, 1), nn.BCEWithLogitsLoss(), threshold=0.9).eval()
    features = DRAWN.normal(size=(5, 2)).astype(np.float32)
    told, chosen = predict_function(learner, classes=True)(features)
    with torch.inference_mode():
        second = learner(torch.from_numpy(features)).numpy()
    np.testing.assert_array_equal(told, np.stack([1 - second, second], axis=1))
    np.testing.assert_array_equal(chosen, second >= 0.9)
    assert probability_columns(np.ones((3, 4))).shape == (3, 4)


def test_values_are_told_in_their_unit() -> None:
    learner = Regressor(nn.Linear(1, 1), nn.MSELoss())
    learner.learn_target(torch.tensor([[100.0], [300.0]]))
    features = np.zeros((1, 1), dtype=np.float32)
    told, chosen = predict_function(learner.eval(), classes=False)(features)
    assert chosen is None
    assert told.item() == pytest.approx(200 + 100 * learner.network.bias.item())  # type: ignore[operator, union-attr]


@pytest.mark.parametrize(
    ("width", "classes", "names"),
    [
        (1, 3, ["probabilities"]),
        (2, 3, ["boundary"]),
        (3, 3, []),
        (1, 0, ["fit_0", "fit_1"]),
        (2, 0, ["height_0", "height_1"]),
    ],
)
def test_one_or_two_inputs_have_pictures_and_more_have_none(width: int, classes: int, names: list[str]) -> None:
    if classes:
        learner: nn.Module = Classifier(nn.Linear(width, classes), nn.CrossEntropyLoss(), num_classes=classes)
        target = np.arange(9) % classes
    else:
        learner = Regressor(nn.Linear(width, 2), nn.MSELoss(), num_targets=2, target_scaling="none")
        target = DRAWN.normal(size=(9, 2))
    own = points(width, target)
    labels = [f"x{number}" for number in range(width)]
    found = boundary_panels(
        predict_function(learner.eval(), bool(classes)), own, labels, [f"c{n}" for n in range(classes)], ["t0", "t1"]
    )
    assert [panel.name for panel in found] == names
    for panel in found:
        assert (panel.pixels() < 250).any()


def test_a_fitted_curve_is_what_the_learner_tells() -> None:
    learner = Regressor(nn.Linear(1, 1), nn.MSELoss(), target_scaling="none").eval()
    own = points(1, DRAWN.normal(size=(9, 1)))
    (panel,) = boundary_panels(predict_function(learner, classes=False), own, ["x"], [], ["y"])
    x, y = (np.asarray(values) for values in panel.drawn()[1].get_lines()[0].get_data())
    slope, height = learner.network.weight.item(), learner.network.bias.item()  # type: ignore[operator, union-attr]
    np.testing.assert_allclose(y, slope * x + height, rtol=1e-4, atol=1e-5)
