"""A slice of a loss surface: its contours, and the path that ends at the origin."""

import numpy as np
from matplotlib.figure import Figure

from mlplab.report.loss_surface import draw_slice

X = np.linspace(-2, 2, 21)
BOWL = X[None] ** 2 + X[:, None] ** 2


def test_the_path_leads_to_the_origin_and_its_ends_are_named() -> None:
    axes = Figure().subplots()
    path = np.array([[-1.5, 1.0], [-0.5, 0.2], [0.0, 0.0]])
    draw_slice(axes, X, X, BOWL, path, np.array([0, 5, 10]))
    np.testing.assert_array_equal(np.asarray(axes.get_lines()[0].get_data()).T, path)
    assert {text.get_text() for text in axes.texts} >= {"epoch 0", "epoch 10"}


def test_without_a_path_the_weights_are_marked() -> None:
    axes = Figure().subplots()
    draw_slice(axes, X, X, BOWL, np.empty((0, 2)), np.empty(0, dtype=int))
    assert "the weights" in {text.get_text() for text in axes.texts}
    assert len(axes.get_lines()) == 1


def test_a_loss_that_is_no_number_far_out_and_a_flat_one_are_drawn() -> None:
    broken = BOWL.copy()
    broken[0, 0] = np.inf
    for loss in (broken, np.zeros_like(BOWL), np.full_like(BOWL, 3.0)):
        figure = Figure()
        axes = figure.subplots()
        draw_slice(axes, X, X, loss, np.empty((0, 2)), np.empty(0, dtype=int))
        figure.draw_without_rendering()
