"""Regions of the plane and the points that were to be told apart."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure

from mlplab.report.boundary import draw_boundary

POINTS = np.array([[-1.0, 0.0], [-0.5, 1.0], [0.5, 0.0], [1.0, 1.0]])
LABEL = np.array([0, 0, 1, 1])


def drawn(decide: object, **given: int) -> tuple[Axes, list[PathCollection]]:
    axes = Figure().subplots()
    draw_boundary(axes, decide, POINTS, LABEL, **given)  # type: ignore[arg-type]
    return axes, [one for one in axes.collections if isinstance(one, PathCollection)]


def lines(axes: Axes) -> list[np.ndarray]:
    """The vertices of each drawn edge between regions."""
    sets = [one for one in axes.collections if not isinstance(one, PathCollection) and one.get_linewidth()[0] == 0.8]
    return [path.vertices for one in sets for path in one.get_paths() if len(path.vertices)]


def test_the_edge_stands_where_the_decision_turns_and_the_view_leaves_room_about_the_points() -> None:
    axes, _ = drawn(lambda places: (places[:, 0] > 0.2).astype(int))
    edges = lines(axes)
    assert edges
    for edge in edges:
        np.testing.assert_allclose(edge[:, 0], 0.2, atol=0.02)
    assert axes.get_xlim() == (-1.2, 1.2)
    assert axes.get_ylim() == (-0.1, 1.1)


def test_a_class_has_marks_of_its_own_where_its_points_lie() -> None:
    _, (first, second) = drawn(lambda places: (places[:, 0] > 0).astype(int))
    assert first.get_offsets().tolist() == POINTS[:2].tolist()
    assert second.get_offsets().tolist() == POINTS[2:].tolist()
    assert first.get_facecolor().tolist() != second.get_facecolor().tolist()
    assert len(first.get_paths()[0].vertices) != len(second.get_paths()[0].vertices)


def test_one_class_everywhere_has_no_edge_and_no_more_points_than_asked_are_drawn() -> None:
    axes, marks = drawn(lambda places: np.zeros(len(places), dtype=int), most=1)
    assert not lines(axes)
    assert sum(len(one.get_offsets()) for one in marks) == 1
