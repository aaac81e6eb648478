"""Parts of a page: what is said is escaped, numbers keep all their digits, images are within."""

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from mlplab.report import html


def test_what_is_said_is_never_taken_for_html() -> None:
    evil = "<script>alert('&')</script>"
    parts = (
        html.heading(evil, evil),
        html.section(evil, html.words(evil), html.code(evil), html.table([evil], [[evil]], evil)),
        html.figure("<svg></svg>", evil, evil, points={"names": [evil], "points": []}),
        html.tiles([np.zeros((2, 2), np.uint8)], [[evil]]),
    )
    for part in parts:
        assert "<script" not in part
        assert "alert(" in part
    assert html.page(evil, []).count("<script>") == 1


def test_a_cell_keeps_all_digits_of_its_number() -> None:
    text = html.table(["split", "loss", "rows"], [["val", 0.123456789, 1234], ["test", None, 0]])
    assert '<td data-value="0.123456789" title="0.123456789">0.1235</td>' in text
    assert '<td data-value="1234">1,234</td>' in text
    assert '<th scope="col" class="text">split</th><th scope="col">loss</th>' in text


def test_a_section_without_content_is_left_out() -> None:
    assert html.section("Probabilities", html.row()) == ""


@pytest.mark.parametrize("shape", [(3, 4), (3, 4, 3)])
def test_an_image_stands_in_the_page_pixel_by_pixel(shape: tuple[int, ...]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    (found,) = re.findall(r'src="data:image/png;base64,([^"]+)"', html.tiles([pixels], [["row 1", "is 3"]]))
    with Image.open(io.BytesIO(base64.b64decode(found))) as image:
        np.testing.assert_array_equal(np.asarray(image), pixels)


def test_a_figure_wider_than_a_column_is_moved_and_others_shrink() -> None:
    assert 'class="wide" style="--width: 50rem"' in html.figure("<svg/>", "t", width=50)
    assert 'style="max-width: 30rem"' in html.figure("<svg/>", "t", width=30)


def test_a_page_names_nothing_outside_itself() -> None:
    text = html.page("a", ["b"])
    assert re.findall(r'(?:src|href)="([^"]+)"', text) == ["data:,"]
    assert "@import" not in text
    assert "prefers-color-scheme: dark" in text
