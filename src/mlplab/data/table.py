"""A CSV file as a table; what is wrong with it in one line that names file and line."""

import csv
import gzip
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

import pandas as pd

from mlplab.data.suffixes import is_packed
from mlplab.errors import Mistake

LONGEST = 2**31 - 1  # characters of a cell; Python's reader stops at 131,072 unless told


def read_table(
    path: str | Path, separator: str = ",", text: Sequence[str] = (), key: str = "separator"
) -> pd.DataFrame:
    r"""The index is each row's line in the file, which is UTF-8, or that packed by gzip (.gz).

    separator: \t means a tab. text: columns to be read as text, whatever stands in them. key: by which the user gives
    the separator.
    """
    path = Path(path).expanduser()
    separator = "\t" if separator == r"\t" else separator
    try:
        with _opened(path) as file:
            lines = _lines(file, separator, key)
        with _opened(path) as file:
            words = dict.fromkeys(text, str)
            table = pd.read_csv(file, sep=separator, index_col=False, low_memory=False, dtype=words)
    except FileNotFoundError as error:
        raise Mistake(f"{path}: no such file") from error
    except OSError as error:
        raise Mistake(f"{path}: {error.strerror or error}") from error
    except (EOFError, zlib.error) as error:
        raise Mistake(f"{path}: is cut short or damaged ({error})") from error
    except pd.errors.EmptyDataError as error:
        raise Mistake(f"{path}: the file is empty") from error
    except UnicodeDecodeError as error:
        raise Mistake(f"{path}: is not UTF-8 text (byte {error.object[error.start]:#x})") from error
    except ValueError as error:  # pandas' parser errors too
        reason = str(error).strip().splitlines()[0].removeprefix("Error tokenizing data. C error: ")
        raise Mistake(f"{path}: {reason}") from error
    if table.empty:
        raise Mistake(f"{path}: no rows below the header")
    table.index = pd.Index(lines[1:])
    return table


def _opened(path: Path) -> TextIO:
    opened = gzip.open if is_packed(path) else open
    file: TextIO = opened(path, "rt", encoding="utf-8-sig")
    return file


def _lines(file: TextIO, separator: str, key: str) -> list[int]:
    """The line in which the header and each row begin: blank lines and quoted line breaks shift it.

    Raises ValueError where a row has more or fewer fields than the header, or two columns have one name.
    """
    csv.field_size_limit(LONGEST)
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
    twice = [name for place, name in enumerate(header) if name and name in header[:place]]
    if twice:
        raise ValueError(f"two columns are called {twice[0]}")
    other = next((sign for sign in ";\t|," if sign in header[0] and sign != separator), None)
    if len(header) == 1 and other:
        sign = r"\t" if other == "\t" else other
        raise ValueError(f"one column only, {header[0]!r}: give {key}=\"'{sign}'\"")
