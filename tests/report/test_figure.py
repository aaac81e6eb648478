"""One picture, twice: as SVG and as pixels."""

import numpy as np
from matplotlib.axes import Axes

from mlplab.report.figure import PANEL_DPI, Panel


def named(axes: Axes) -> None:
    axes.plot([0, 1], [0, 1])
    axes.set_xlabel("US$ or $_{NT")
    axes.set_yticks([0, 1], ["a$b", "c$d$"])


def line(axes: Axes) -> None:
    axes.plot([0, 1], [0, 1], color="red", linewidth=4)


def test_pixels_have_the_size_and_the_colours_of_the_picture() -> None:
    pixels = Panel("a", "A line", line, size=(2, 1.5)).pixels()
    assert pixels.dtype == np.uint8
    assert pixels.shape == (round(1.5 * PANEL_DPI), 2 * PANEL_DPI, 3)
    assert (pixels == [255, 0, 0]).all(axis=2).any()
    assert (pixels[0, 0] == 255).all()


def test_html_holds_the_title_the_caption_and_what_a_script_says() -> None:
    text = Panel("a", "A line", line, "drawn by hand").html(
        lambda figure, axes: {"names": ["y"], "points": [[float(axes.transData.transform((1, 1))[0]), 1, "1"]]}
    )
    assert "<h3>A line</h3><svg" in text
    assert "<figcaption>drawn by hand</figcaption>" in text
    assert "&quot;names&quot;" in text


def test_a_name_with_dollars_is_a_name_and_no_formula() -> None:
    panel = Panel("a", "A line", named)
    text = panel.html()
    for name in ("US$ or $_{NT", "a$b", "c$d$"):
        assert f">{name}</text>" in text
    assert panel.pixels("from $a to $b").shape[2] == 3
