"""Tests the ravine, the figures and the configuration of the lesson of optimizers, and the lesson in full."""

from pathlib import Path

import numpy as np
import pytest
import yaml
from matplotlib.figure import Figure
from torch.optim import SGD, Adagrad

from mlplab.config.groups import choices
from mlplab.lesson.optimizers import MAX_UPDATES, Ravine, draw_curves, draw_path
from tests.conftest import REPO, passes_with_the_claims_of_the_page


def test_the_height_of_a_ravine_is_independent_of_its_rotation() -> None:
    for degrees in (0.0, 30.0, 90.0):
        ravine = Ravine(50.0, degrees)
        x, y = ravine.rotation @ np.array([3.0, -2.0])
        assert ravine(np.array(x), np.array(y)) == pytest.approx((9 + 50 * 4) / 2)


def test_gradient_descent_scales_each_coordinate_by_a_constant_factor() -> None:
    path = Ravine(10.0).path(SGD, 0.1, (4.0, 1.0))
    steps = np.arange(len(path))
    assert path[:, 0] == pytest.approx(4 * 0.9**steps)
    assert path[1:, 1] == pytest.approx(0, abs=1e-12)


def test_a_path_ends_at_a_thousandth_of_the_initial_height() -> None:
    ravine = Ravine(20.0, 30.0)
    path = ravine.path(SGD, 0.05, (4.0, 1.0))
    heights = ravine(*path.T)
    assert heights[-1] <= heights[0] / 1000 < heights[-2]
    assert len(ravine.path(SGD, 1e-9, (4.0, 1.0))) == MAX_UPDATES + 1, "a path that is too slow stops"


def test_gradient_descent_is_invariant_to_rotation_and_adagrad_is_not() -> None:
    aligned, rotated = Ravine(200.0), Ravine(200.0, 30.0)
    assert len(aligned.path(SGD, 0.009, (-4, 1))) == len(rotated.path(SGD, 0.009, (-4, 1)))
    assert len(aligned.path(Adagrad, 2.0, (-4, 1))) < 10
    assert len(rotated.path(Adagrad, 2.0, (-4, 1))) > 100


def test_every_optimizer_but_lbfgs_has_a_grid() -> None:
    """LBFGS needs full batches; the lesson uses batches of 64."""
    conf = yaml.safe_load((REPO / "conf" / "lesson" / "optimizers.yaml").read_text())
    assert set(conf["rates"]) == set(choices("optimizer")) - {"lbfgs"}
    assert set(conf["ravine"]) <= set(conf["rates"])
    assert 0 not in conf["seeds"], "seed 0 selects the learning rates"


def test_curves_are_means_with_a_band_in_front_of_the_others() -> None:
    axes = Figure().subplots()
    draw_curves(axes, {"adam": np.array([[1.0, 0.5], [3.0, 0.1]])}, [np.array([[1.0, 0.9]])])
    other, adam = axes.get_lines()
    assert list(other.get_ydata()) == [1.0, 0.9]
    assert list(adam.get_ydata()) == pytest.approx([2.0, 0.3])
    band = axes.collections[0].get_datalim(axes.transData)
    assert (band.y0, band.y1) == pytest.approx((0.1, 3.0))


def test_the_title_of_a_path_has_its_number_of_updates() -> None:
    axes = Figure().subplots()
    ravine = Ravine(10.0)
    path = ravine.path(SGD, 0.1, (-4.0, 1.0))
    draw_path(axes, ravine, "sgd", path)
    assert axes.get_title() == f"sgd\n{len(path) - 1} updates"


@pytest.mark.long
def test_every_optimizer_converges_at_its_best_learning_rate(tmp_path: Path) -> None:
    passes_with_the_claims_of_the_page("optimizers", tmp_path)
