"""A page has its panels, its title and its size."""

from pathlib import Path

import pytest
from matplotlib.image import imread

from mlplab.report.figure import FILE_DPI, mosaic_page


def test_a_page_is_written_with_its_panels_where_the_letters_say(tmp_path: Path) -> None:
    path = tmp_path / "page.png"
    with mosaic_page(path, "A title", "AAB;C.B", size=(2, 1.5), solid="B", caption="how it was made") as axes:
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
