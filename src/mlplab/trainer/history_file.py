"""Reads and writes history.csv, and finds the best epoch in its rows. Imports nothing heavy."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

Row = dict[str, float]


def read_history(path: str | Path) -> list[Row]:
    """Returns the whole rows of a history.csv, epoch 0 first; the last line may have been cut short."""
    with open(path, newline="", encoding="utf-8") as file:
        lines = [line for line in file if line.endswith("\n")]
    return [_to_numbers(row) for row in csv.DictReader(lines)]


def format_history(rows: Sequence[Row], header: bool = True) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    if header:
        writer.writerow(rows[0])
    writer.writerows(row.values() for row in rows)
    return text.getvalue()


def is_better(value: float, best: float, mode: str) -> bool:
    """Returns whether a score is better than the best so far; of equal ones the first stays the best."""
    return value < best if mode == "min" else value > best


def best_row(rows: Sequence[Row], monitor: str, mode: str) -> Row | None:
    """Returns the first of the best rows after epoch 0; None where there is none. mode: min or max."""
    sign = 1 if mode == "min" else -1
    return min(rows[1:], key=lambda row: sign * row[monitor], default=None)


def _to_numbers(row: dict[str, str]) -> Row:
    return {name: int(value) if name in ("epoch", "step") else float(value) for name, value in row.items()}
