"""Loss surfaces: contours, paths and slices."""

import numpy as np
from matplotlib.figure import Figure

from mlplab.report.loss_surface import draw_contours, draw_paths, draw_slice, draw_surface

LIMITS = ((-1.0, 1.0), (-2.0, 2.0))


def bowl(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.asarray(x**2 + y**2 + 1e-3)


def test_contours_cover_the_limits() -> None:
    axes = Figure().subplots()
    draw_contours(axes, bowl, LIMITS)
    assert (axes.get_xlim(), axes.get_ylim()) == LIMITS
    draw_contours(Figure().subplots(), bowl, LIMITS, log=False)


def test_a_path_has_its_points_on_the_plane_and_on_the_surface() -> None:
    figure = Figure()
    plane, space = figure.add_subplot(1, 2, 1), figure.add_subplot(1, 2, 2, projection="3d")
    path = np.array([[1.0, 2.0], [0.5, 1.0], [0.0, 0.0]])
    draw_surface(space, bowl, LIMITS)
    draw_paths(plane, {"lr 0.1": path})
    draw_paths(space, {"lr 0.1": np.column_stack([path, bowl(*path.T)])})
    assert np.array_equal(plane.get_lines()[0].get_xydata(), path)
    assert plane.get_lines()[0].get_label() == "lr 0.1"


X = np.linspace(-2, 2, 21)
BOWL_VALUES = X[None] ** 2 + X[:, None] ** 2


def test_a_path_ends_at_the_origin_and_its_ends_are_labelled() -> None:
    axes = Figure().subplots()
    path = np.array([[-1.5, 1.0], [-0.5, 0.2], [0.0, 0.0]])
    draw_slice(axes, X, X, BOWL_VALUES, path, np.array([0, 5, 10]))
    np.testing.assert_array_equal(np.asarray(axes.get_lines()[0].get_data()).T, path)
    assert {text.get_text() for text in axes.texts} >= {"epoch 0", "epoch 10"}


def test_without_a_path_the_weights_are_marked() -> None:
    axes = Figure().subplots()
    draw_slice(axes, X, X, BOWL_VALUES, np.empty((0, 2)), np.empty(0, dtype=int))
    assert "last weights" in {text.get_text() for text in axes.texts}
    assert len(axes.get_lines()) == 1


def test_an_infinite_loss_and_a_constant_one_are_drawn() -> None:
    broken = BOWL_VALUES.copy()
    broken[0, 0] = np.inf
    for loss in (broken, np.zeros_like(BOWL_VALUES), np.full_like(BOWL_VALUES, 3.0)):
        figure = Figure()
        axes = figure.subplots()
        draw_slice(axes, X, X, loss, np.empty((0, 2)), np.empty(0, dtype=int))
        figure.draw_without_rendering()
