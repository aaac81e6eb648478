"""Regions of classes whose borders are known."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from mlplab.report.decision_boundary import Plane, draw_class_legend, draw_heatmap, draw_points, draw_regions

PLANE = Plane(((-1.0, 1.0), (-2.0, 2.0)), ["a", "b"], count=41)


def border(probabilities: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """The corners of all lines that are drawn."""
    axes = Figure().subplots()
    draw_regions(axes, PLANE, probabilities, chosen, [f"{n}" for n in range(probabilities.shape[1])])
    lines = [path.vertices for one in axes.collections for path in one.get_paths() if len(path.vertices)]
    return np.concatenate(lines) if lines else np.empty((0, 2))


def test_a_plane_has_room_about_its_points() -> None:
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
    told = np.exp(-distance) / np.exp(-distance).sum(axis=1, keepdims=True)
    corners = border(told, told.argmax(axis=1))
    assert set(np.round(corners[:, 0], 2)) == {-0.4, 0.4}


def test_one_class_everywhere_has_no_border() -> None:
    told = np.tile([0.9, 0.1], (PLANE.count**2, 1))
    assert len(border(told, told.argmax(axis=1))) == 0


def test_each_class_has_its_mark_and_its_name() -> None:
    figure = Figure()
    axes = figure.subplots()
    draw_points(axes, np.array([[0.0, 0.0], [1.0, 1.0], [2.0, 1.0]]), np.array([0, 1, 1]), ["no", "yes"])
    assert [len(one.get_offsets()) for one in axes.collections] == [1, 2]  # type: ignore[arg-type]
    draw_class_legend(axes, 2)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["no", "yes"]


def test_a_height_has_named_contours_where_they_are_asked_for() -> None:
    axes = Figure().subplots()
    draw_heatmap(axes, PLANE, PLANE.points()[:, 1], [-1.0, 0.5])
    corners = np.concatenate([path.vertices for one in axes.collections for path in one.get_paths()])
    assert set(np.round(corners[:, 1], 6)) == {-1.0, 0.5}
    assert sorted(text.get_text() for text in axes.texts) == ["-1", "0.5"]


def test_a_height_may_be_flat() -> None:
    for values in (PLANE.points()[:, 0], np.ones(PLANE.count**2)):
        axes = Figure().subplots()
        draw_heatmap(axes, PLANE, values)
        assert axes.get_images()[0].get_array().reshape(-1).tolist() == values.tolist()  # type: ignore[union-attr]
