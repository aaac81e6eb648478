"""Formats tables and aligned lines for the console."""

from collections.abc import Mapping, Sequence

from rich.cells import cell_len

GAP = 3  # spaces between columns


def align_lines(lines: Mapping[str, str]) -> str:
    """Formats `name  text` lines with aligned texts; the name is repeated before each line of a longer text."""
    width = max(map(len, lines))
    return "\n".join(f"{name:<{width}}   {line}" for name, text in lines.items() for line in text.split("\n"))


def format_scores(scores: Mapping[str, object], best_epoch: int, baseline: str) -> str:
    """Formats a row per split with the scores at the best epoch, and a row with those of the baseline.

    scores: named `<metric>/<split>` and `baseline/<metric>`.
    """
    metrics = [name.split("/")[0] for name in scores if name.endswith("/val")]
    rows = [[split, *(scores[f"{metric}/{split}"] for metric in metrics)] for split in ("train", "val", "test")]
    rows.append([baseline, *(scores[f"baseline/{metric}"] for metric in metrics)])
    return format_table([f"at best epoch {best_epoch}", *metrics], rows)


def format_table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Formats a plain-text table, numbers to four figures.

    rich.table takes a hundred times as long, which is noticeable in a sweep of small networks.
    """
    lines = [[" ".join(_cell(value).splitlines()) for value in row] for row in (header, *rows)]
    widths = [max(map(cell_len, column)) for column in zip(*lines, strict=True)]
    head, *body = (_line(cells, widths) for cells in lines)
    return "\n".join([head, " " + "─" * (sum(widths) + GAP * (len(widths) - 1)), *body])


def _cell(value: object) -> str:
    if isinstance(value, float):
        return format_number(value)
    return "" if value is None else str(value)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    """Aligns the first cell left, the others right; a wide character takes two columns."""
    blanks = [" " * (width - cell_len(cell)) for cell, width in zip(cells, widths, strict=True)]
    first, *others = zip(cells, blanks, strict=True)
    return (" " + (" " * GAP).join(["".join(first), *(blank + cell for cell, blank in others)])).rstrip()


def format_number(value: float, figures: int = 4) -> str:
    return f"{value:#.{figures}g}".rstrip(".")


def count_noun(number: int, noun: str) -> str:
    """Returns `1 epoch`, `1,200 epochs`; the plural is regular."""
    plural = f"{noun}{'es' if noun.endswith(('s', 'x')) else 's'}"
    return f"{number:,} {noun if number == 1 else plural}"
