"""Figures as SVG, pixels and PNG files."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import imread

from mlplab.report.figure import FILE_DPI, PANEL_DPI, Panel, mosaic_page, to_svg


def draw_names(axes: Axes) -> None:
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


def test_a_figure_of_a_page_has_title_caption_and_points() -> None:
    def points(figure: object, axes: Axes) -> dict[str, Any]:
        return {"names": ["y"], "points": [[float(axes.transData.transform((1, 1))[0]), 1, "1"]]}

    found = Panel("a", "A line", line, "drawn by hand").html(points)
    assert found.svg.startswith("<svg")
    assert (found.title, found.caption, found.width) == ("A line", "drawn by hand", pytest.approx(4.8 * 7.1))
    assert found.points is not None
    assert found.points["names"] == ["y"]


def test_a_name_with_dollar_signs_is_no_formula() -> None:
    panel = Panel("a", "A line", draw_names)
    text = panel.html().svg
    for name in ("US$ or $_{NT", "a$b", "c$d$"):
        assert f">{name}</text>" in text
    assert panel.pixels("from $a to $b").shape[2] == 3


def test_a_mosaic_page_has_its_panels_where_the_letters_are(tmp_path: Path) -> None:
    path = tmp_path / "page.png"
    with mosaic_page(path, "A title", "AAB;C.B", size=(2, 1.5), solid="B", caption="how it was drawn") as axes:
        assert sorted(axes) == ["A", "B", "C"]
        assert axes["B"].name == "3d"
        assert axes["A"].figure.get_suptitle() == "A title"
        assert not axes["A"].spines["top"].get_visible()
    height, width, _ = imread(path).shape
    assert (width, height) == (3 * 2 * FILE_DPI, int((2 * 1.5 + 0.5) * FILE_DPI))


def test_nothing_is_written_when_the_drawing_fails(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), mosaic_page(tmp_path / "page.png", "A title"):
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def svg(label: str, colour: str = "#0072B2") -> str:
    figure = Figure(figsize=(3, 2))
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color=colour)
    axes.text(0.5, 0.5, "in white", color="white")
    axes.set_xlabel("x & y")
    return to_svg(figure, label)


def test_black_and_the_palette_become_variables_of_the_page() -> None:
    text = svg("a line")
    assert "stroke: var(--ink)" in text
    assert "stroke: var(--blue)" in text
    assert "#000000" not in text
    assert "fill: #ffffff" in text  # white stays white on a dark page
    assert "#cc79a7" in svg("a line", "#CC79A7")


def test_text_stays_text_in_the_font_of_the_page() -> None:
    text = svg("a line")
    assert ">x &amp; y</text>" in text
    assert "font-family" not in text
    assert "DejaVu" not in text


def test_an_svg_has_a_label_for_screen_readers() -> None:
    assert svg('"1 < 2"').startswith('<svg role="img" aria-label="&quot;1 &lt; 2&quot;"')


def test_the_same_figure_gives_the_same_svg_and_two_figures_share_no_id() -> None:
    assert svg("a") == svg("a")
    names = [set(re.findall(r' id="([^"]+)"', svg(label))) for label in ("a", "b")]
    assert names[0]
    assert not names[0] & names[1]


def test_an_svg_loads_nothing() -> None:
    text = re.sub(r'xmlns(:\w+)?="[^"]+"', "", svg("a"))
    assert "http" not in text
