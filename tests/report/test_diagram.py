"""A network as circles and arrows."""

from typing import Any

from matplotlib.figure import Figure

from mlplab.report.images import draw_network


def drawn(backward: bool = False) -> Any:
    axes = Figure().subplots()
    units = [["1", "2"], ["7"]]
    draw_network(axes, units, [[["0.5"], ["0"]]], [["", ""], ["sum 7"]], ["x", "y"], backward)
    return axes


def words(axes: Any) -> list[str]:
    return [one.get_text() for one in axes.texts if one.get_text()]


def test_each_unit_and_each_arrow_has_its_word() -> None:
    axes = drawn()
    assert sorted(words(axes)) == sorted(["1", "2", "7", "0.5", "0", "sum 7", "x", "y"])
    centres = [(float(x), float(y)) for line in axes.lines for x, y in line.get_xydata()]
    assert centres == [(0.0, 0.5), (0.0, -0.5), (2.0, 0.0)]


def arrows(axes: Any) -> list[tuple[Any, Any, str]]:
    found = [one for one in axes.texts if getattr(one, "arrow_patch", None)]
    return [(one.xyann, one.xy, one.arrowprops["color"]) for one in found]


def test_an_arrow_of_nothing_is_pale_and_backward_turns_all_round() -> None:
    forward, backward = arrows(drawn()), arrows(drawn(backward=True))
    assert [(tail, head) for tail, head, _ in forward] == [((0, 0.5), (2, 0)), ((0, -0.5), (2, 0))]
    assert [(head, tail) for tail, head, _ in backward] == [(tail, head) for tail, head, _ in forward]
    assert forward[1][2] == backward[1][2] == "0.75"
    assert len({forward[0][2], backward[0][2], "0.75"}) == 3
