"""Images stand in a grid, each with its words; an image as numbers has one in each cell."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from mlplab.report.images import draw_images, draw_numbers


def test_images_stand_row_by_row_with_their_words_below() -> None:
    axes = Figure().subplots()
    images = np.arange(5 * 4, dtype=float).reshape(5, 2, 2)
    draw_images(axes, images, columns=3, words=[*"abcde"])
    places = [image.get_extent() for image in axes.get_images()]
    assert [round(left, 2) for left, *_ in places] == [0, 1.12, 2.24, 0, 1.12]
    assert places[0][3] == places[2][3] < places[3][3] == places[4][3], "the top of each"
    for image, text, place in zip(axes.get_images(), axes.texts, places, strict=True):
        x, y = text.get_position()
        assert x == pytest.approx((place[0] + place[1]) / 2)
        assert y > place[2], "the y axis points down"
        assert np.array_equal(np.asarray(image.get_array()), images[axes.get_images().index(image)])
    assert [text.get_text() for text in axes.texts] == [*"abcde"]


def test_words_of_two_lines_do_not_meet_the_next_row() -> None:
    axes = Figure(figsize=(4, 4)).subplots()
    draw_images(axes, np.ones((4, 2, 2)), columns=2, words=["is 1, told\n2 (99.0%)"] * 4)
    axes.figure.draw_without_rendering()
    below = axes.get_images()[2].get_window_extent()
    assert axes.texts[0].get_window_extent().y0 >= below.y1


@pytest.mark.parametrize(("signed", "shades"), [(True, (-3, 3)), (False, (0, 3))])
def test_zero_is_grey_where_values_have_a_sign_and_black_elsewhere(signed: bool, shades: tuple[float, float]) -> None:
    axes = Figure().subplots()
    draw_images(axes, np.array([[[-3.0, 1.0]]]), columns=1, signed=signed)
    assert axes.get_images()[0].get_clim() == shades


def test_an_image_is_told_in_numbers() -> None:
    axes = Figure().subplots()
    draw_numbers(axes, np.array([[0.0, 0.26], [1.0, 0.5]]))
    assert {text.get_position(): text.get_text() for text in axes.texts} == {
        (0, 0): "0.0",
        (1, 0): "0.3",
        (0, 1): "1.0",
        (1, 1): "0.5",
    }
    assert [text.get_color() for text in axes.texts] == ["white", "white", "black", "black"]
