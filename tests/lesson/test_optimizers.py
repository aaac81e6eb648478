"""What the lesson of optimizers draws; that its grids are of all optimizers; and the lesson itself."""

from pathlib import Path

import numpy as np
import pytest
import yaml
from matplotlib.figure import Figure
from torch.optim import SGD

from mlplab.config.groups import choices
from mlplab.lesson.optimizers import Ravine, draw_curves, draw_path
from tests.conftest import REPO, holds_as_the_book_says


def test_every_optimizer_but_lbfgs_has_a_grid() -> None:
    """LBFGS is for whole data sets: it is no match for batches of 64."""
    conf = yaml.safe_load((REPO / "conf" / "lesson" / "optimizers.yaml").read_text())
    assert set(conf["rates"]) == set(choices("optimizer")) - {"lbfgs"}
    assert set(conf["ravine"]) <= set(conf["rates"])
    assert 0 not in conf["seeds"], "which chooses the learning rates"


def test_curves_are_means_with_a_band_and_the_others_stand_behind() -> None:
    axes = Figure().subplots()
    draw_curves(axes, {"adam": np.array([[1.0, 0.5], [3.0, 0.1]])}, [np.array([[1.0, 0.9]])])
    other, adam = axes.get_lines()
    assert list(other.get_ydata()) == [1.0, 0.9]
    assert list(adam.get_ydata()) == pytest.approx([2.0, 0.3])
    band = axes.collections[0].get_datalim(axes.transData)
    assert (band.y0, band.y1) == pytest.approx((0.1, 3.0))


def test_a_walk_is_named_with_its_updates() -> None:
    axes = Figure().subplots()
    ravine = Ravine(10.0)
    path = ravine.path(SGD, 0.1, (-4.0, 1.0))
    draw_path(axes, ravine, "sgd", path)
    assert axes.get_title() == f"sgd\n{len(path) - 1} updates"


@pytest.mark.long
def test_every_optimizer_gets_there_at_its_own_rate(tmp_path: Path) -> None:
    holds_as_the_book_says("optimizers", tmp_path)
