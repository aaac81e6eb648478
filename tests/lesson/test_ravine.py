"""A ravine's height and the paths along it, against formulas."""

import numpy as np
import pytest
from torch.optim import SGD, Adagrad

from mlplab.lesson.optimizers import MAX_UPDATES, Ravine


def test_its_height_is_the_same_wherever_its_bed_points() -> None:
    for degrees in (0.0, 30.0, 90.0):
        ravine = Ravine(50.0, degrees)
        x, y = ravine.rotation @ np.array([3.0, -2.0])
        assert ravine(np.array(x), np.array(y)) == pytest.approx((9 + 50 * 4) / 2)


def test_gradient_descent_shrinks_each_coordinate_by_its_own_factor() -> None:
    path = Ravine(10.0).path(SGD, 0.1, (4.0, 1.0))
    steps = np.arange(len(path))
    assert path[:, 0] == pytest.approx(4 * 0.9**steps)
    assert path[1:, 1] == pytest.approx(0, abs=1e-12)


def test_a_path_ends_where_it_is_a_thousandth_as_high_and_not_before() -> None:
    ravine = Ravine(20.0, 30.0)
    path = ravine.path(SGD, 0.05, (4.0, 1.0))
    heights = ravine(*path.T)
    assert heights[-1] <= heights[0] / 1000 < heights[-2]
    assert len(ravine.path(SGD, 1e-9, (4.0, 1.0))) == MAX_UPDATES + 1, "one that creeps is given up"


def test_gradient_descent_does_not_see_how_a_ravine_lies_but_adagrad_does() -> None:
    along, turned = Ravine(200.0), Ravine(200.0, 30.0)
    assert len(along.path(SGD, 0.009, (-4, 1))) == len(turned.path(SGD, 0.009, (-4, 1)))
    assert len(along.path(Adagrad, 2.0, (-4, 1))) < 10
    assert len(turned.path(Adagrad, 2.0, (-4, 1))) > 100
