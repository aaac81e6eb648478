"""Renders a page of HTML from a jinja2 template; values are escaped, images, style and script embedded."""

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from mlplab.report.text import format_number

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES = Path(__file__).parent / "templates"
COLUMN_WIDTH = 38  # rem


@dataclass(frozen=True)
class Figure:
    """An SVG with its title and caption.

    width: in rem; on a narrower page a figure shrinks; a wide one at most to half, below which it scrolls.
    points: values of a curve, which the page's script shows under the pointer.
    """

    svg: str
    title: str
    caption: str = ""
    width: float = 34
    points: Mapping[str, Any] | None = None

    @property
    def wide(self) -> bool:
        return self.width > COLUMN_WIDTH


@dataclass(frozen=True)
class Table:
    """Cells are strings, numbers or None."""

    header: Sequence[str]
    rows: Sequence[Sequence[object]]
    caption: str = ""

    def is_text(self, column: int) -> bool:
        return bool(self.rows) and isinstance(self.rows[0][column], str)


@dataclass(frozen=True)
class Tile:
    """pixels: uint8, (H, W) or (H, W, 3). lines: of text below the image."""

    pixels: np.ndarray
    lines: Sequence[str]

    @property
    def source(self) -> str:
        png = io.BytesIO()
        Image.fromarray(self.pixels).save(png, "PNG", optimize=True)
        return f"data:image/png;base64,{base64.b64encode(png.getvalue()).decode()}"


def render(template: str, **values: Any) -> str:
    """Raises jinja2.UndefinedError where the template reads a value that is missing."""
    return environment().get_template(template).render(values)


@cache
def environment() -> "Environment":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # only runs that write a page pay for the import

    found = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters["format_number"] = format_number
    return found
