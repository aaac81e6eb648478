"""A CSV file as a table; what is wrong with it in one line that names file and line."""

import csv
import warnings
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from mlplab.mistake import Mistake


def read_table(path: str | Path, separator: str = ",", text: Sequence[str] = ()) -> pd.DataFrame:
    """The index is each row's line in the file. text: columns to be read as text, whatever stands in them."""
    path = Path(path).expanduser()
    try:
        words = dict.fromkeys(text, str)
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)  # rows longer than the header lose what is over
            table = pd.read_csv(path, sep=separator, index_col=False, low_memory=False, dtype=words)
    except FileNotFoundError as error:
        raise Mistake(f"{path}: no such file") from error
    except OSError as error:
        raise Mistake(f"{path}: {error.strerror or error}") from error
    except pd.errors.EmptyDataError as error:
        raise Mistake(f"{path}: the file is empty") from error
    except UnicodeDecodeError as error:
        raise Mistake(f"{path}: is not UTF-8 text (byte {error.object[error.start]:#x})") from error
    except (ValueError, pd.errors.ParserWarning) as error:  # pandas' parser errors are ValueErrors
        reason = str(error).strip().splitlines()[0].removeprefix("Error tokenizing data. C error: ")
        raise Mistake(f"{path}: {reason}") from error
    if table.empty:
        raise Mistake(f"{path}: no rows below the header")
    table.index = pd.Index(_lines(path, separator, len(table)))
    return table


def _lines(path: Path, separator: str, count: int) -> list[int]:
    """The line in the file of each row: blank lines and quoted line breaks shift it."""
    with open(path, newline="") as file:
        reader = csv.reader(file, delimiter=separator)
        lines = [reader.line_num for record in reader if record]
    return lines[1:] if len(lines) == count + 1 else list(range(2, count + 2))
