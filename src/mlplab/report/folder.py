"""A folder of tables and pictures, replaced as a whole, and never one that holds something else."""

import csv
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mlplab.errors import Mistake

ALWAYS = {"report.txt", "scores.csv"}
OURS = (  # all that one evaluation writes
    ALWAYS | {"confusion.csv", "classes.csv", "confusion.png"},
    ALWAYS | {"predictions.csv", "parity.png"},
)


def must_be_free(folder: Path, overwrite: bool) -> None:
    """Raises Mistake for a folder that is not new or empty. overwrite: one that holds an evaluation and nothing else
    may be replaced."""
    if folder.exists() and not folder.is_dir():
        raise Mistake(f"output={folder}: is a file; name a folder")
    if folder.resolve() in (Path.cwd(), *Path.cwd().parents):
        raise Mistake(f"output={folder}: is the current folder, or holds it; name a folder of its own")
    names = {entry.name for entry in folder.iterdir()} if folder.exists() else set()
    if names and names not in OURS:
        other = min(names - set().union(*OURS) or names)
        raise Mistake(f"output={folder}: holds {other}, and is no folder of one evaluation alone; name another folder")
    if names and not overwrite:
        raise Mistake(f"output={folder}: holds an evaluation already; overwrite=true replaces it")


def write_folder(folder: Path, files: Mapping[str, Any]) -> None:
    """files: name, and text, rows of a CSV file, or a function that draws into a path. All of them, or none.

    Raises Mistake where the disk refuses.
    """
    try:
        _write_folder(folder.resolve(), files)
    except OSError as error:
        raise Mistake(f"{folder}: cannot be written ({error.strerror or error})") from error


def _write_folder(folder: Path, files: Mapping[str, Any]) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, ignore_cleanup_errors=True) as room:
        fresh, old = Path(room, "fresh"), Path(room, "old")
        fresh.mkdir()
        for name, content in files.items():
            if isinstance(content, str):
                (fresh / name).write_text(content, encoding="utf-8")
            elif callable(content):
                content(fresh / name)
            else:
                _write_rows(fresh / name, content)
        try:
            if folder.exists():
                folder.rename(old)
            fresh.rename(folder)
        finally:
            if old.exists() and not folder.exists():
                old.rename(folder)


def _write_rows(path: Path, rows: Iterable[Sequence[object]]) -> None:
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)
