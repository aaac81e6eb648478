"""A bowl is drawn as a bowl, and a path lies where its points are."""

import numpy as np
from matplotlib.figure import Figure

from mlplab.report.loss_surface import draw_contours, draw_paths, draw_surface

LIMITS = ((-1.0, 1.0), (-2.0, 2.0))


def bowl(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.asarray(x**2 + y**2 + 1e-3)


def test_contours_cover_the_limits() -> None:
    axes = Figure().subplots()
    draw_contours(axes, bowl, LIMITS)
    assert (axes.get_xlim(), axes.get_ylim()) == LIMITS
    draw_contours(Figure().subplots(), bowl, LIMITS, log=False)


def test_a_path_goes_through_its_points_on_the_plane_and_on_the_surface() -> None:
    figure = Figure()
    plane, space = figure.add_subplot(1, 2, 1), figure.add_subplot(1, 2, 2, projection="3d")
    path = np.array([[1.0, 2.0], [0.5, 1.0], [0.0, 0.0]])
    draw_surface(space, bowl, LIMITS)
    draw_paths(plane, {"lr 0.1": path})
    draw_paths(space, {"lr 0.1": np.column_stack([path, bowl(*path.T)])})
    assert np.array_equal(plane.get_lines()[0].get_xydata(), path)
    assert plane.get_lines()[0].get_label() == "lr 0.1"
