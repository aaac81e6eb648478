"""A page of HTML that needs nothing beside itself: it knows how to lay out, and no number of its own."""

import base64
import html
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

COLUMN = 38  # rem
HERE = Path(__file__).parent
PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>{title}</title>
<style>
{style}</style>
</head>
<body>
{body}
<script>
{script}</script>
</body>
</html>
"""


def page(title: str, parts: Sequence[str]) -> str:
    """parts: HTML, one below the other."""
    style, script = ((HERE / f"report.{kind}").read_text(encoding="utf-8") for kind in ("css", "js"))
    return PAGE.format(title=html.escape(title), style=style, body="\n".join(parts), script=script)


def heading(text: str, note: str = "") -> str:
    return f"<h1>{html.escape(text)}</h1>" + (f'\n<p class="quiet">{html.escape(note)}</p>' if note else "")


def section(title: str, *parts: str) -> str:
    """Nothing where no part says anything."""
    body = "\n".join(filter(None, parts))
    return f"<section>\n<h2>{html.escape(title)}</h2>\n{body}\n</section>" if body else ""


def words(text: str, kind: str = "") -> str:
    return f"<p{_class(kind)}>{html.escape(text)}</p>"


def code(text: str) -> str:
    return f"<pre>{html.escape(text)}</pre>"


def row(*parts: str) -> str:
    """Beside each other where there is room."""
    return f'<div class="row">\n{"".join(parts)}\n</div>' if any(parts) else ""


def figure(
    drawn: str, title: str, caption: str = "", width: float = 34, points: Mapping[str, Any] | None = None
) -> str:
    """drawn: an SVG. width: in rem; where there is less room it shrinks, one wider than a column to half of it, and is
    moved below that.

    points: by which a script says the values of a curve; without the script it is a picture still.
    """
    data = f" data-points='{html.escape(json.dumps(points), quote=True)}'" if points else ""
    told = f"<figcaption>{html.escape(caption)}</figcaption>" if caption else ""
    kind = f' class="wide" style="--width: {width:.0f}rem"' if width > COLUMN else f' style="max-width: {width:.0f}rem"'
    return f"<figure{kind}{data}><h3>{html.escape(title)}</h3>{drawn}{told}</figure>\n"


def table(header: Sequence[str], rows: Sequence[Sequence[object]], caption: str = "") -> str:
    """Numbers to four figures; all of them in the cell's `data-value`."""
    kinds = [' class="text"' if rows and isinstance(rows[0][place], str) else "" for place in range(len(header))]
    head = "".join(f'<th scope="col"{kind}>{html.escape(name)}</th>' for name, kind in zip(header, kinds, strict=True))
    body = "\n".join(f"<tr>{''.join(map(_cell, cells))}</tr>" for cells in rows)
    told = words(caption, "quiet") if caption else ""
    return f'{told}<div class="scroll"><table><thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody></table></div>'


def tiles(images: Sequence[np.ndarray], lines: Sequence[Sequence[str]]) -> str:
    """images: uint8, (H, W) or (H, W, 3). lines: what stands below each."""
    entries = []
    for pixels, said in zip(images, lines, strict=True):
        label = html.escape(", ".join(said))
        below = "<br>".join(map(html.escape, said))
        entries.append(f'<li><img src="{_uri(pixels)}" alt="{label}">{below}</li>')
    return '<ul class="tiles">\n' + "\n".join(entries) + "\n</ul>"


def _uri(pixels: np.ndarray) -> str:
    held = io.BytesIO()
    Image.fromarray(pixels).save(held, "PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(held.getvalue()).decode()}"


def _class(kind: str) -> str:
    return f' class="{kind}"' if kind else ""


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f'<td data-value="{value!r}" title="{value!r}">{f"{value:#.4g}".rstrip(".")}</td>'
    if isinstance(value, int):
        return f'<td data-value="{value}">{value:,}</td>'
    return f'<td class="text">{html.escape("" if value is None else str(value))}</td>'
