"""A figure on a page: its ink is the page's, and nothing of it comes from elsewhere."""

import re

from matplotlib.figure import Figure

from mlplab.report.figure import to_svg


def drawn(label: str, colour: str = "#0072B2") -> str:
    figure = Figure(figsize=(3, 2))
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color=colour)
    axes.text(0.5, 0.5, "in white", color="white")
    axes.set_xlabel("x & y")
    return to_svg(figure, label)


def test_black_and_the_looks_colours_are_the_pages_own() -> None:
    text = drawn("a line")
    assert "stroke: var(--ink)" in text
    assert "stroke: var(--blue)" in text
    assert "#000000" not in text
    assert "fill: #ffffff" in text  # what is said to be white stays so
    assert "#cc79a7" in drawn("a line", "#CC79A7")


def test_text_stays_text_in_the_letters_of_the_page() -> None:
    text = drawn("a line")
    assert ">x &amp; y</text>" in text
    assert "font-family" not in text
    assert "DejaVu" not in text


def test_it_is_named_for_those_who_cannot_see_it() -> None:
    assert drawn('"1 < 2"').startswith('<svg role="img" aria-label="&quot;1 &lt; 2&quot;"')


def test_the_same_figure_is_the_same_text_and_two_share_no_name() -> None:
    assert drawn("a") == drawn("a")
    names = [set(re.findall(r' id="([^"]+)"', drawn(label))) for label in ("a", "b")]
    assert names[0]
    assert not names[0] & names[1]


def test_nothing_of_it_is_asked_for_elsewhere() -> None:
    text = re.sub(r'xmlns(:\w+)?="[^"]+"', "", drawn("a"))
    assert "http" not in text
