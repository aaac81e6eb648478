"""A folder of tables and pictures, replaced as a whole, and never one that holds something else."""

import csv
import shutil
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mlplab.mistake import Mistake

OURS = {"report.txt", "scores.csv", "confusion.csv", "classes.csv", "confusion.png", "predictions.csv", "parity.png"}


def must_be_ours(folder: Path) -> None:
    """Raises Mistake for a folder that holds what was not written here."""
    if folder.exists() and not folder.is_dir():
        raise Mistake(f"output={folder}: is a file; name a folder")
    others = sorted({entry.name for entry in folder.iterdir()} - OURS) if folder.exists() else []
    if others:
        raise Mistake(f"output={folder}: holds {others[0]}, which evaluate has not written; name another folder")


def write_folder(folder: Path, files: Mapping[str, Any]) -> None:
    """files: name, and text, rows of a CSV file, or a function that draws into a path. All of them, or none."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=f".{folder.name}_", dir=folder.parent))
    try:
        for name, content in files.items():
            if isinstance(content, str):
                (fresh / name).write_text(content, encoding="utf-8")
            elif callable(content):
                content(fresh / name)
            else:
                _write_rows(fresh / name, content)
        fresh.chmod(0o755)  # mkdtemp's are for their owner alone
        if folder.exists():
            shutil.rmtree(folder)
        fresh.rename(folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _write_rows(path: Path, rows: Iterable[Sequence[object]]) -> None:
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)
