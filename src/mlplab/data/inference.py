"""Reads new rows from a table, an array or images, in the form of the training rows."""

import zipfile
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from mlplab.data.formats import SUFFIXES, file_kind
from mlplab.data.image_folder import resize_pixels
from mlplab.data.precision import first_not_finite
from mlplab.data.preprocessing import CategoricalColumn, NumericColumn, encode_columns
from mlplab.data.readers import read_table
from mlplab.data.splits import DataInfo
from mlplab.errors import UserError, errors_in

MissingValues = Literal["refuse", "fill"]
MAX_NAMES = 12  # listed in a message


@dataclass(frozen=True)
class NewRows:
    """features: (N, in_features). rows: the name of each row; kind: what the names are: line, row or file.

    notes: sentences to print for the user.
    """

    features: np.ndarray
    rows: Sequence[str]
    kind: str = "row"
    notes: list[str] = field(default_factory=list)


def from_csv(path: str, info: DataInfo, separator: str, missing: MissingValues) -> NewRows:
    """Reads a CSV file. missing: refuse missing values, or impute them. Messages name a row by its line."""
    table = read_table(path, separator, text_columns(info))
    with errors_in(path):
        features, notes = encode_table(table, info, missing)
    return NewRows(features, [str(line) for line in table.index], "line", notes)


def encode_table(
    table: pd.DataFrame, info: DataInfo, missing: MissingValues = "refuse"
) -> tuple[np.ndarray, list[str]]:
    """Returns (N, in_features), and notes for the user. Raises UserError with column and row (the table's index)."""
    if table.empty:
        raise UserError("a table without rows")
    columns = info.columns or tuple(NumericColumn(name, float("nan")) for name in info.feature_names)
    names = [column.name for column in columns]
    if lacking := [name for name in names if name not in table.columns]:
        raise UserError(f"column {lacking[0]} is missing; columns: {_listed(table.columns)}; needed: {_listed(names)}")
    used = table[names]
    notes = []
    if extra := [name for name in table.columns if name not in {*names, *info.target_names}]:
        notes.append(f"columns that were not used: {_listed(extra)}")
    empty = np.argwhere(used.isna().to_numpy())
    if len(empty) and (missing == "refuse" or not info.columns):
        row, column = empty[0]
        remedy = "; gaps=fill imputes from the training rows" if info.columns else ""
        raise UserError(f"column {names[column]}, row {table.index[row]}: empty or NaN{remedy}")
    if len(empty):
        notes.append(f"{len(empty)} missing values were imputed from the training rows")
    features = encode_columns(columns, used)
    _check_finite(features, info, table.index.tolist(), [name for column in columns for name in column.feature_names])
    for column in columns:
        if isinstance(column, CategoricalColumn) and (unseen := column.unseen(table[column.name])):
            notes.append(f"column {column.name}: no training row has {_listed(unseen)}; taken as none of them")
    return features, notes


def text_columns(info: DataInfo) -> list[str]:
    """Returns columns to read as text, even if all their cells look like numbers."""
    return [column.name for column in info.columns if isinstance(column, CategoricalColumn)]


def from_array(path: str, info: DataInfo, name: str = "features") -> NewRows:
    """Reads an NPY file, or an NPZ file with an array of that name, or with one array only."""
    arrays = load_arrays(path)
    if name not in arrays and len(arrays) != 1:
        raise UserError(f"{path}: no array called {name}; it holds {_listed(arrays)}")
    with errors_in(path):
        features = encode_array(arrays.get(name, next(iter(arrays.values()))), info)
    return NewRows(features, [str(row) for row in range(1, len(features) + 1)], "row", looks_prescaled(features, info))


def encode_array(array: np.ndarray, info: DataInfo) -> np.ndarray:
    """Returns (N, in_features). Raises UserError for another shape, and, with row and column from 1 on, for a number
    that is not finite."""
    width, size = info.in_features, info.image_size or ()
    if array.ndim < 2 or len(array) == 0 or array.shape[1:] not in ((width,), size):
        shapes = " or ".join(str(("rows", *shape)) for shape in dict.fromkeys([(width,), size]) if shape)
        raise UserError(f"an array of shape {array.shape}; {shapes} is needed".replace("'", ""))
    if array.dtype.kind not in "buif":
        raise UserError(f"an array of {array.dtype}; numbers are needed")
    features = array.reshape(len(array), width)
    names = [f"{number} ({name})" for number, name in enumerate(info.feature_names, start=1)]
    _check_finite(features, info, range(1, len(features) + 1), names)
    return features


def load_arrays(path: str) -> Mapping[str, np.ndarray]:
    """Reads the arrays of an NPZ file by name, or the array of an NPY file as `features`."""
    try:
        with open(Path(path).expanduser(), "rb") as file:  # numpy leaves a broken one open
            content = np.load(file, allow_pickle=False)
            if isinstance(content, np.ndarray):
                return {"features": content}
            return {name: content[name] for name in content.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error, KeyError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise UserError(f"{path}: cannot be read as arrays of numbers ({reason})") from error


def looks_prescaled(features: np.ndarray, info: DataInfo) -> list[str]:
    """Returns a note if pixels may have been divided by 255, which the network does itself."""
    white = info.image_white
    if white and white > 1 and features.dtype.kind == "f" and features.max() <= 1:
        return [f"all values are at most 1, where the training images go up to {white:g}"]
    return []


def from_images(path: str, info: DataInfo, invert: Any = "auto") -> NewRows:
    """Reads an image, or the images of a folder in the order of their names. invert: auto, true or false.

    invert=auto: uses the negative of an image if its border is then more like the borders of the training images.
    """
    size, white, borders = info.image_size, info.image_white, info.image_border
    if size is None:
        raise UserError(f"input={path}: the run was trained on {info.in_features} columns, not on images")
    if white is None or borders is None:
        raise UserError(f"input={path}: the run is of an older mlplab, which did not note how its images are shaded")
    files, others = _image_files(Path(path).expanduser())
    pixels = np.stack([resize_pixels(file, size) for file in files])
    border = pixels[:, border_pixels(size)].mean(axis=1) / 255
    distance, inverse_distance = (np.abs(shade - np.clip(shade, *borders)) for shade in (border, 1 - border))
    inverted = inverse_distance < distance if invert == "auto" else np.full(len(files), invert)
    pixels[inverted] = 255 - pixels[inverted]
    features = pixels if white == 255 else pixels / 255 * white
    notes = [f"{others} files that are no images were not used"] if others else []
    if inverted.any():
        notes.append(f"{int(inverted.sum())} of {len(files)} images were inverted (invert={str(invert).lower()})")
    return NewRows(features, [file.name for file in files], "file", notes)


def border_pixels(size: Sequence[int]) -> np.ndarray:
    """Returns the (in_features,) mask of the pixels at the border of an image."""
    border = np.ones(size, dtype=bool)
    border[1:-1, 1:-1] = False
    return border.reshape(-1)


def _check_finite(features: np.ndarray, info: DataInfo, rows: Sequence[object], names: Sequence[str]) -> None:
    if at := first_not_finite(features, info.dtype):
        kind = str(info.dtype).removeprefix("torch.")
        where = f"column {names[at[1]]}, row {rows[at[0]]}"
        raise UserError(f"{where}: {features[at]} where a finite number is needed ({kind})")


def _listed(names: Iterable[object]) -> str:
    texts = list(map(str, names))
    return ", ".join(texts[:MAX_NAMES]) + (f" and {len(texts) - MAX_NAMES} more" if len(texts) > MAX_NAMES else "")


def _image_files(path: Path) -> tuple[list[Path], int]:
    """Returns the images, sorted by name, and the number of other files."""
    if path.is_file():
        return [path], 0
    inside = sorted(entry for entry in path.iterdir() if entry.is_file() and not entry.name.startswith("."))
    images = [entry for entry in inside if file_kind(entry) == "image"]
    if not images:
        raise UserError(f"input={path}: no image in this folder ({', '.join(SUFFIXES['image'])})")
    return images, len(inside) - len(images)
