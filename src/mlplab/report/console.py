"""What the console says at the start and at the end of a run."""

from collections.abc import Mapping, Sequence
from io import StringIO

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text


def aligned(lines: Mapping[str, str]) -> str:
    """`name  text` lines under each other; a text of several lines has the name before each."""
    width = max(map(len, lines))
    return "\n".join(f"{name:<{width}}   {line}" for name, text in lines.items() for line in text.split("\n"))


def score_table(scores: Mapping[str, object], best_epoch: int, baseline: str) -> str:
    """Splits by scores at the best epoch; scores are named `<metric>/<split>` and `baseline/<metric>`."""
    metrics = [name.split("/")[0] for name in scores if name.endswith("/val")]
    rows = [[split, *(scores[f"{metric}/{split}"] for metric in metrics)] for split in ("train", "val", "test")]
    rows.append([baseline, *(scores[f"baseline/{metric}"] for metric in metrics)])
    return table([f"at best epoch {best_epoch}", *metrics], rows)


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A plain-text table; numbers to four figures."""
    grid = Table(box=SIMPLE_HEAD, pad_edge=False)
    for number, name in enumerate(header):
        grid.add_column(Text(name), justify="left" if number == 0 else "right", no_wrap=True)
    for row in rows:
        grid.add_row(*(Text(_text(cell)) for cell in row))
    text = StringIO()
    Console(file=text, width=1000, color_system=None, force_jupyter=False).print(grid)
    lines = [line.rstrip() for line in text.getvalue().splitlines()]
    return "\n".join(line for line in lines if line)


def _text(cell: object) -> str:
    if isinstance(cell, float):
        return f"{cell:#.4g}".rstrip(".")
    return "" if cell is None else str(cell)
