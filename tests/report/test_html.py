"""Parts of a page: values are escaped, numbers keep all their digits, images are embedded."""

import base64
import html
import io
import json
import re
from typing import Any

import numpy as np
import pytest
from jinja2 import UndefinedError
from PIL import Image

from mlplab.report.html import Figure, Table, Tile, environment, render

HOSTILE = """<script>alert('&' + "$")</script>"""


def part(name: str, *values: Any) -> str:
    """Renders one macro of parts.html.j2."""
    return str(getattr(environment().get_template("parts.html.j2").module, name)(*values))


def sweep(title: str = "a", **values: Any) -> str:
    return render(
        "sweep.html.j2", **{"title": title, "facts": "", "comparisons": [], "missing": [], "commands": [], **values}
    )


@pytest.mark.parametrize(
    ("macro", "value"),
    [
        ("table", Table([HOSTILE], [[HOSTILE]], HOSTILE)),
        ("figure", Figure("<svg></svg>", HOSTILE, HOSTILE, points={"names": [HOSTILE], "points": []})),
        ("tiles", [Tile(np.zeros((2, 2), np.uint8), [HOSTILE])]),
    ],
)
def test_every_text_is_escaped(macro: str, value: Any) -> None:
    text = part(macro, value)
    assert "<script" not in text
    assert not re.search(r"""=(['"])[^'"]*alert\('""", text), "a quote ends no attribute"
    assert HOSTILE in html.unescape(text)


def test_title_and_lines_of_a_page_are_escaped() -> None:
    text = sweep(HOSTILE, facts=HOSTILE, missing=[HOSTILE], commands=[HOSTILE])
    assert text.count("<script>") == 1, "the page's own"
    assert html.unescape(text).count(HOSTILE) == 5


def test_points_of_a_figure_can_be_read_by_the_script() -> None:
    points = {"names": [HOSTILE], "points": [[1.5, 0, "0.1"]]}
    (found,) = re.findall(r"data-points='([^']+)'", part("figure", Figure("<svg></svg>", "t", points=points)))
    assert json.loads(html.unescape(found)) == points


def test_a_value_that_a_template_lacks_is_an_error() -> None:
    with pytest.raises(UndefinedError):
        render("sweep.html.j2", title="a")


def test_a_cell_keeps_all_digits_of_its_number() -> None:
    text = part("table", Table(["split", "loss", "rows"], [["val", 0.123456789, 1234], ["test", None, 0]]))
    assert '<td data-value="0.123456789" title="0.123456789">0.1235</td>' in text
    assert '<td data-value="1234">1,234</td>' in text
    assert '<td class="text"></td>' in text
    assert '<th scope="col" class="text">split</th><th scope="col">loss</th>' in text


def test_a_section_without_figures_is_left_out() -> None:
    assert part("figure_section", "Predicted probabilities", []).strip() == ""
    assert part("figures", []).strip() == ""


@pytest.mark.parametrize("shape", [(3, 4), (3, 4, 3)])
def test_an_image_is_embedded_pixel_by_pixel(shape: tuple[int, ...]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    text = part("tiles", [Tile(pixels, ["row 1", "true 3"])])
    assert 'alt="row 1, true 3">row 1<br>true 3</li>' in text
    (found,) = re.findall(r'src="data:image/png;base64,([^"]+)"', text)
    with Image.open(io.BytesIO(base64.b64decode(found))) as image:
        np.testing.assert_array_equal(np.asarray(image), pixels)


def test_a_figure_wider_than_a_column_scrolls_and_others_shrink() -> None:
    assert 'class="wide" style="--width: 50rem"' in part("figure", Figure("<svg/>", "t", width=50))
    assert 'style="max-width: 30rem"' in part("figure", Figure("<svg/>", "t", width=30))


def test_a_page_loads_nothing() -> None:
    text = sweep()
    assert re.findall(r'(?:src|href)="([^"]+)"', text) == ["data:,"]
    assert "@import" not in text
    assert "prefers-color-scheme: dark" in text
