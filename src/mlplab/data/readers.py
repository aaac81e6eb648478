"""Reads CSV and IDX files; errors are one line that names file and line. Cleans up after a failed download."""

import csv
import gzip
import math
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

import numpy as np
import pandas as pd

from mlplab.data.formats import is_compressed
from mlplab.errors import UserError

MAX_CELL = 2**31 - 1  # characters; the default of Python's reader is 131,072
IDX_UINT8 = 8  # the type code of bytes in an IDX header


def read_table(
    path: str | Path, separator: str = ",", text: Sequence[str] = (), key: str = "separator"
) -> pd.DataFrame:
    r"""Reads a UTF-8 file, or a gzip file of one (.gz). The index is the line of each row in the file.

    separator: \t means a tab. text: columns to read as text, even if they look like numbers. key: the configuration
    key of the separator, for messages. Raises UserError for a file that is not a table.
    """
    path = Path(path).expanduser()
    separator = "\t" if separator == r"\t" else separator
    try:
        with _open(path) as file:
            lines = _lines(file, separator, key)
        with _open(path) as file:
            table = pd.read_csv(file, sep=separator, index_col=False, low_memory=False, dtype=dict.fromkeys(text, str))
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file") from error
    except OSError as error:
        raise UserError(f"{path}: {error.strerror or error}") from error
    except (EOFError, zlib.error) as error:
        raise UserError(f"{path}: is cut short or damaged ({error})") from error
    except pd.errors.EmptyDataError as error:
        raise UserError(f"{path}: the file is empty") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: is not UTF-8 text (byte {error.object[error.start]:#x})") from error
    except ValueError as error:  # pandas' parser errors too
        reason = str(error).strip().splitlines()[0].removeprefix("Error tokenizing data. C error: ")
        raise UserError(f"{path}: {reason}") from error
    if table.empty:
        raise UserError(f"{path}: no rows below the header")
    table.index = pd.Index(lines[1:])
    return table


def _open(path: Path) -> TextIO:
    file: TextIO = (gzip.open if is_compressed(path) else open)(path, "rt", encoding="utf-8-sig")
    return file


def _lines(file: TextIO, separator: str, key: str) -> list[int]:
    """Returns the line at which the header and each row begin; blank lines and quoted line breaks shift it.

    Raises ValueError where a row has more or fewer fields than the header, or two columns have one name.
    """
    csv.field_size_limit(MAX_CELL)
    reader = csv.reader(file, delimiter=separator)
    lines: list[int] = []
    header: list[str] = []
    begin = 1
    for record in reader:
        if record and not (len(record) == 1 and record[0] and not record[0].strip(" \t")):  # pandas skips these too
            if not header:
                header = record
                _check_header(header, separator, key)
            if len(record) != len(header):
                found = f"{len(record)} field{'s' if len(record) > 1 else ''}"
                raise ValueError(f"line {begin} has {found}, the header {len(header)}")
            lines.append(begin)
        begin = reader.line_num + 1
    return lines


def _check_header(header: Sequence[str], separator: str, key: str) -> None:
    if twice := [name for place, name in enumerate(header) if name and name in header[:place]]:
        raise ValueError(f"two columns are called {twice[0]}")
    other = next((sign for sign in ";\t|," if sign in header[0] and sign != separator), None)
    if len(header) == 1 and other:
        sign = r"\t" if other == "\t" else other
        raise ValueError(f"one column only, {header[0]!r}: give {key}=\"'{sign}'\"")


def find_idx(folder: Path, name: str) -> Path | None:
    """Returns the file, or its .gz, or None."""
    return next((path for path in (folder / name, folder / f"{name}.gz") if path.exists()), None)


def read_idx(path: Path, dimensions: int) -> np.ndarray:
    """Returns (N,) or (N, height, width) uint8. Raises UserError for a damaged file.

    torchvision reads these files too, but fails on a damaged one with an assertion without a message.
    """
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UserError(f"{path}: is cut short or damaged ({error})") from error
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from error
    start = 4 + 4 * dimensions
    if not content:
        raise UserError(f"{path}: the file is empty")
    magic = bytes([0, 0, IDX_UINT8, dimensions])
    if content[:4] != magic:
        raise UserError(f"{path}: starts with {content[:4].hex(' ')}, not with the magic number {magic.hex(' ')}")
    shape = [int.from_bytes(content[at : at + 4], "big") for at in range(4, start, 4)]
    needed = start + math.prod(shape)
    if len(content) != needed or len(content) < start:
        values = "x".join(map(str, shape))
        raise UserError(
            f"{path}: is cut short or damaged: {values} values need {needed} bytes, there are {len(content)}"
        )
    return np.frombuffer(content, dtype=np.uint8, offset=start).reshape(shape)


@contextmanager
def remove_empty_folders(root: Path) -> Iterator[None]:
    """Removes, after an error, `root` and the folders below and above it that are new and empty."""
    before = {*root.rglob("*"), *(folder for folder in (root, *root.parents) if folder.exists())}
    try:
        yield
    except BaseException:  # Ctrl-C during a download too
        new = {*root.rglob("*"), root, *root.parents} - before
        for folder in sorted(new, reverse=True):
            with suppress(OSError):  # a file, or a folder with something in it
                folder.rmdir()
        raise
