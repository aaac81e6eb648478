"""What the console says at the start and at the end of a run."""

from collections.abc import Mapping, Sequence

from rich.cells import cell_len

GAP = 3  # blanks between columns


def align_lines(lines: Mapping[str, str]) -> str:
    """`name  text` lines under each other; a text of several lines has the name before each."""
    width = max(map(len, lines))
    return "\n".join(f"{name:<{width}}   {line}" for name, text in lines.items() for line in text.split("\n"))


def format_scores(scores: Mapping[str, object], best_epoch: int, baseline: str) -> str:
    """Splits by scores at the best epoch; scores are named `<metric>/<split>` and `baseline/<metric>`."""
    metrics = [name.split("/")[0] for name in scores if name.endswith("/val")]
    rows = [[split, *(scores[f"{metric}/{split}"] for metric in metrics)] for split in ("train", "val", "test")]
    rows.append([baseline, *(scores[f"baseline/{metric}"] for metric in metrics)])
    return format_table([f"at best epoch {best_epoch}", *metrics], rows)


def format_table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A plain-text table; numbers to four figures. By hand: rich takes a hundred times as long, which a sweep of small
    nets feels."""
    lines = [[" ".join(_text(cell).splitlines()) for cell in row] for row in (header, *rows)]
    widths = [max(map(cell_len, column)) for column in zip(*lines, strict=True)]
    head, *body = (_line(cells, widths) for cells in lines)
    return "\n".join([head, " " + "─" * (sum(widths) + GAP * (len(widths) - 1)), *body])


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    """The first stands left, the others right; a letter may be as wide as two."""
    blanks = [" " * (width - cell_len(cell)) for cell, width in zip(cells, widths, strict=True)]
    first, *others = zip(cells, blanks, strict=True)
    return (" " + (" " * GAP).join(["".join(first), *(blank + cell for cell, blank in others)])).rstrip()


def _text(cell: object) -> str:
    if isinstance(cell, float):
        return f"{cell:#.4g}".rstrip(".")
    return "" if cell is None else str(cell)


def count_noun(number: int, noun: str) -> str:
    """noun: of one; what it becomes of several is regular."""
    several = f"{noun}{'es' if noun.endswith(('s', 'x')) else 's'}"
    return f"{number:,} {noun if number == 1 else several}"
