"""Decision regions, fitted curves and heat maps of real learners and of known functions."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from torch import nn

from mlplab.learner.binary_classifier import BinaryClassifier
from mlplab.learner.classifier import Classifier
from mlplab.learner.regressor import Regressor
from mlplab.report.decision_boundary import (
    CURVE_GRID,
    MAX_POINTS,
    Plane,
    axis_grid,
    boundary_panels,
    draw_fit,
    draw_heatmap,
    draw_points,
    draw_probabilities,
    draw_regions,
    predict_function,
    probability_columns,
)

RANDOM = np.random.default_rng(0)


def random_points(width: int, target: np.ndarray) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    return {"train": (RANDOM.normal(size=(len(target), width)).astype(np.float32), target)}


def test_two_classes_have_a_column_of_probabilities_each() -> None:
    learner = BinaryClassifier(nn.Linear(2, 1), nn.BCEWithLogitsLoss(), threshold=0.9).eval()
    features = RANDOM.normal(size=(5, 2)).astype(np.float32)
    probabilities, chosen = predict_function(learner, classes=True)(features)
    with torch.inference_mode():
        second = learner(torch.from_numpy(features)).numpy()
    np.testing.assert_array_equal(probabilities, np.stack([1 - second, second], axis=1))
    np.testing.assert_array_equal(chosen, second >= 0.9)
    assert probability_columns(np.ones((3, 4))).shape == (3, 4)


def test_regression_is_predicted_in_the_unit_of_the_target() -> None:
    learner = Regressor(nn.Linear(1, 1), nn.MSELoss())
    learner.learn_target(torch.tensor([[100.0], [300.0]]))
    features = np.zeros((1, 1), dtype=np.float32)
    predicted, chosen = predict_function(learner.eval(), classes=False)(features)
    assert chosen is None
    assert predicted.item() == pytest.approx(200 + 100 * learner.network.bias.item())  # type: ignore[operator, union-attr]


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
def test_one_or_two_inputs_have_panels_and_more_have_none(width: int, classes: int, names: list[str]) -> None:
    if classes:
        learner: nn.Module = Classifier(nn.Linear(width, classes), nn.CrossEntropyLoss(), num_classes=classes)
        target = np.arange(9) % classes
    else:
        learner = Regressor(nn.Linear(width, 2), nn.MSELoss(), num_targets=2, target_scaling="none")
        target = RANDOM.normal(size=(9, 2))
    rows = random_points(width, target)
    class_names = [f"c{n}" for n in range(classes)]
    columns = SimpleNamespace(
        feature_names=[f"x{n}" for n in range(width)], class_names=class_names, target_names=["t0", "t1"]
    )
    found = boundary_panels(predict_function(learner.eval(), bool(classes)), rows, columns)
    assert [panel.name for panel in found] == names
    for panel in found:
        assert [text.get_text() for legend in panel.plot()[0].legends for text in legend.get_texts()] == (
            class_names
            if panel.name == "boundary"
            else ["training", "prediction"]
            if width == 1 and not classes
            else []
        )
        assert (panel.pixels() < 250).any()


def test_a_fitted_curve_is_what_the_learner_predicts() -> None:
    learner = Regressor(nn.Linear(1, 1), nn.MSELoss(), target_scaling="none").eval()
    rows = random_points(1, RANDOM.normal(size=(9, 1)))
    columns = SimpleNamespace(feature_names=["x"], class_names=[], target_names=["y"])
    (panel,) = boundary_panels(predict_function(learner, classes=False), rows, columns)
    x, y = (np.asarray(values) for values in panel.plot()[1].get_lines()[0].get_data())
    slope, height = learner.network.weight.item(), learner.network.bias.item()  # type: ignore[operator, union-attr]
    np.testing.assert_allclose(y, slope * x + height, rtol=1e-4, atol=1e-5)


PLANE = Plane(((-1.0, 1.0), (-2.0, 2.0)), ["a", "b"], count=41)


def border(probabilities: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """The corners of all lines that are drawn."""
    axes = Figure().subplots()
    draw_regions(axes, PLANE, probabilities, chosen, [f"{n}" for n in range(probabilities.shape[1])])
    lines = [path.vertices for one in axes.collections for path in one.get_paths() if len(path.vertices)]
    return np.concatenate(lines) if lines else np.empty((0, 2))


def test_a_plane_has_a_margin_around_its_points() -> None:
    plane = Plane.about(np.array([[0.0, 10.0], [1.0, 30.0]]), ["a", "b"])
    assert np.array(plane.limits) == pytest.approx(np.array([[-0.12, 1.12], [7.6, 32.4]]))
    points = plane.points()
    assert points.shape == (plane.count**2, 2)
    assert points[0] == pytest.approx([-0.12, 7.6])
    assert points[1, 1] == pytest.approx(7.6)  # row by row


@pytest.mark.parametrize("threshold", [0.5, 0.75])
def test_the_border_of_two_classes_is_where_the_threshold_is(threshold: float) -> None:
    second = 1 / (1 + np.exp(-4 * PLANE.points()[:, 0]))
    chosen = (second >= threshold).astype(int)
    corners = border(np.stack([1 - second, second], axis=1), chosen)
    expected = np.log(threshold / (1 - threshold)) / 4
    assert corners[:, 0] == pytest.approx(np.full(len(corners), expected), abs=0.06)
    assert {corners[:, 1].min(), corners[:, 1].max()} == {-2.0, 2.0}


def test_three_classes_have_three_borders() -> None:
    distance = np.stack([(PLANE.points()[:, 0] - at) ** 2 for at in (-0.8, 0.0, 0.8)], axis=1)
    probabilities = np.exp(-distance) / np.exp(-distance).sum(axis=1, keepdims=True)
    corners = border(probabilities, probabilities.argmax(axis=1))
    assert set(np.round(corners[:, 0], 2)) == {-0.4, 0.4}


def test_one_class_everywhere_has_no_border() -> None:
    probabilities = np.tile([0.9, 0.1], (PLANE.count**2, 1))
    assert len(border(probabilities, probabilities.argmax(axis=1))) == 0


def test_each_class_has_its_marker_and_its_name() -> None:
    axes = Figure().subplots()
    draw_points(axes, np.array([[0.0, 0.0], [1.0, 1.0], [2.0, 1.0]]), np.array([0, 1, 1]), ["no", "yes"])
    assert [len(one.get_offsets()) for one in axes.collections] == [1, 2]  # type: ignore[arg-type]
    assert axes.get_legend_handles_labels()[1] == ["no", "yes"]


def test_a_heat_map_has_labelled_contours_at_the_levels() -> None:
    axes = Figure().subplots()
    draw_heatmap(axes, PLANE, PLANE.points()[:, 1], [-1.0, 0.5])
    corners = np.concatenate([path.vertices for one in axes.collections for path in one.get_paths()])
    assert set(np.round(corners[:, 1], 6)) == {-1.0, 0.5}
    assert sorted(text.get_text() for text in axes.texts) == ["-1", "0.5"]


def test_a_constant_heat_map_is_drawn() -> None:
    for values in (PLANE.points()[:, 0], np.ones(PLANE.count**2)):
        axes = Figure().subplots()
        draw_heatmap(axes, PLANE, values)
        assert axes.get_images()[0].get_array().reshape(-1).tolist() == values.tolist()  # type: ignore[union-attr]


def test_the_axis_extends_beyond_the_points() -> None:
    x = axis_grid(np.array([[2.0], [12.0]]))
    assert x.shape == (CURVE_GRID, 1)
    assert (x[0, 0], x[-1, 0]) == (1.0, 13.0)
    assert np.ptp(axis_grid(np.array([[3.0]]))) > 0


def test_the_fitted_curve_and_the_rows_are_drawn_unchanged() -> None:
    figure = Figure()
    axes = figure.subplots()
    x = np.linspace(0, 1, CURVE_GRID)
    points = {
        "train": (np.array([0.1, 0.2]), np.array([1.0, 2.0])),
        "val": (np.zeros(MAX_POINTS + 5), np.zeros(MAX_POINTS + 5)),
    }
    draw_fit(axes, x, 2 * x, points, ("x", "y"))
    np.testing.assert_array_equal(axes.get_lines()[0].get_ydata(), 2 * x)
    assert [len(one.get_offsets()) for one in axes.collections] == [2, MAX_POINTS]  # type: ignore[arg-type]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["training", "validation", "prediction"]
    assert axes.get_xlim() == pytest.approx((0, 1))


def test_each_class_has_a_probability_curve() -> None:
    axes = Figure().subplots()
    x = np.linspace(0, 1, CURVE_GRID)
    draw_probabilities(axes, x, np.stack([x, 1 - x], axis=1), ["up", "down"], "x")
    assert {text.get_text() for text in axes.texts} == {"up", "down"}
    np.testing.assert_allclose(axes.get_lines()[1].get_ydata(), 1 - x)
