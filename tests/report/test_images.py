"""Image grids, images as numbers, network diagrams."""

from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

from mlplab.report.images import draw_images, draw_network, draw_numbers


def test_images_are_drawn_row_by_row_with_captions_below() -> None:
    axes = Figure().subplots()
    images = np.arange(5 * 4, dtype=float).reshape(5, 2, 2)
    draw_images(axes, images, columns=3, captions=[*"abcde"])
    places = [image.get_extent() for image in axes.get_images()]
    assert [round(left, 2) for left, *_ in places] == [0, 1.12, 2.24, 0, 1.12]
    assert places[0][3] == places[2][3] < places[3][3] == places[4][3], "the top of each"
    for image, text, place in zip(axes.get_images(), axes.texts, places, strict=True):
        x, y = text.get_position()
        assert x == pytest.approx((place[0] + place[1]) / 2)
        assert y > place[2], "the y axis points down"
        assert np.array_equal(np.asarray(image.get_array()), images[axes.get_images().index(image)])
    assert [text.get_text() for text in axes.texts] == [*"abcde"]


def test_a_caption_of_two_lines_does_not_overlap_the_next_row() -> None:
    axes = Figure(figsize=(4, 4)).subplots()
    draw_images(axes, np.ones((4, 2, 2)), columns=2, captions=["true 1, predicted\n2 (99.0%)"] * 4)
    axes.figure.draw_without_rendering()
    below = axes.get_images()[2].get_window_extent()
    assert axes.texts[0].get_window_extent().y0 >= below.y1


@pytest.mark.parametrize(("signed", "shades"), [(True, (-3, 3)), (False, (0, 3))])
def test_zero_is_grey_in_signed_images_and_black_in_others(signed: bool, shades: tuple[float, float]) -> None:
    axes = Figure().subplots()
    draw_images(axes, np.array([[[-3.0, 1.0]]]), columns=1, signed=signed)
    assert axes.get_images()[0].get_clim() == shades


def test_every_pixel_of_an_image_has_its_number() -> None:
    axes = Figure().subplots()
    draw_numbers(axes, np.array([[0.0, 0.26], [1.0, 0.5]]))
    assert {text.get_position(): text.get_text() for text in axes.texts} == {
        (0, 0): "0.0",
        (1, 0): "0.3",
        (0, 1): "1.0",
        (1, 1): "0.5",
    }
    assert [text.get_color() for text in axes.texts] == ["white", "white", "black", "black"]


def draw_diagram(backward: bool = False) -> Any:
    axes = Figure().subplots()
    units = [["1", "2"], ["7"]]
    draw_network(axes, units, [[["0.5"], ["0"]]], [["", ""], ["sum 7"]], ["x", "y"], backward)
    return axes


def labels(axes: Any) -> list[str]:
    return [one.get_text() for one in axes.texts if one.get_text()]


def test_every_unit_and_arrow_has_its_label() -> None:
    axes = draw_diagram()
    assert sorted(labels(axes)) == sorted(["1", "2", "7", "0.5", "0", "sum 7", "x", "y"])
    centres = [(float(x), float(y)) for line in axes.lines for x, y in line.get_xydata()]
    assert centres == [(0.0, 0.5), (0.0, -0.5), (2.0, 0.0)]


def arrows(axes: Any) -> list[tuple[Any, Any, str]]:
    found = [one for one in axes.texts if getattr(one, "arrow_patch", None)]
    return [(one.xyann, one.xy, one.arrowprops["color"]) for one in found]


def test_an_arrow_of_zero_is_pale_and_backward_reverses_all_arrows() -> None:
    forward, backward = arrows(draw_diagram()), arrows(draw_diagram(backward=True))
    assert [(tail, head) for tail, head, _ in forward] == [((0, 0.5), (2, 0)), ((0, -0.5), (2, 0))]
    assert [(head, tail) for tail, head, _ in backward] == [(tail, head) for tail, head, _ in forward]
    assert forward[1][2] == backward[1][2] == "0.75"
    assert len({forward[0][2], backward[0][2], "0.75"}) == 3
