"""Rows without a target, from a table or an array, in the form of the training rows."""

import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from mlplab.data.formats import SUFFIXES, file_kind
from mlplab.data.image_folder import resize_pixels
from mlplab.data.preprocessing import ColumnEncoder, dtype_for_precision, is_representable
from mlplab.data.readers import read_table
from mlplab.errors import UserError

MissingValues = Literal["refuse", "fill"]
Known = Mapping[str, Any]  # the card of a checkpoint


@dataclass(frozen=True)
class NewRows:
    """features: (N, in_features). rows: what each is called, which is a `kind`. words: what the user should hear."""

    features: np.ndarray
    rows: Sequence[str]
    kind: str = "row"
    words: list[str] = field(default_factory=list)


def from_csv(path: str, known: Known, separator: str, gaps: MissingValues) -> NewRows:
    """gaps: whether empty cells are refused, or filled as in training. Messages name a row by its line in the file."""
    table = read_table(path, separator, text_columns(known))
    try:
        features, words = encode_table(table, known, gaps)
    except UserError as mistake:
        raise UserError(f"{path}: {mistake}") from mistake
    return NewRows(features, [str(line) for line in table.index], "line", words)


def encode_table(table: pd.DataFrame, known: Known, gaps: MissingValues = "refuse") -> tuple[np.ndarray, list[str]]:
    """(N, in_features), and what the user should hear. Raises Mistake with column and row (the table's index)."""
    if table.empty:
        raise UserError("a table without rows")
    state = known["columns"] or [{"name": name, "median": float("nan")} for name in known["feature_names"]]
    names = [column["name"] for column in state]
    if missing := [name for name in names if name not in table.columns]:
        raise UserError(f"column {missing[0]} is missing; columns: {_listed(table.columns)}; needed: {_listed(names)}")
    used = table[names]
    words = []
    if extra := [name for name in table.columns if name not in {*names, *known["target_names"]}]:
        words.append(f"columns that were not used: {_listed(extra)}")
    if gaps == "refuse" or not known["columns"]:
        _no_gap(used, "; gaps=fill takes what the training rows say" if known["columns"] else "")
    elif empty := int(used.isna().sum().sum()):
        words.append(f"{empty} empty cells were filled by what the training rows say")
    features = ColumnEncoder(state).features(used)
    _finite(features, known, table.index.tolist(), ColumnEncoder(state).names)
    return features, words + _unheard(used, state)


def text_columns(known: Known) -> list[str]:
    """The columns that are text, also where all of it looks like numbers."""
    return [column["name"] for column in known["columns"] if "categories" in column]


def from_array(path: str, known: Known, name: str = "features") -> NewRows:
    """An NPY file, or an NPZ file with an array of that name, or with one array only."""
    array = _array(path, name)
    try:
        features = encode_array(array, known)
    except UserError as mistake:
        raise UserError(f"{path}: {mistake}") from mistake
    return NewRows(features, [str(row) for row in range(1, len(features) + 1)], "row", looks_prescaled(features, known))


def encode_array(array: np.ndarray, known: Known) -> np.ndarray:
    """(N, in_features). Raises Mistake for another form, and for what is not finite, with row and column from 1 on."""
    width, size = known["in_features"], tuple(known["image_size"] or ())
    if array.ndim < 2 or len(array) == 0 or array.shape[1:] not in ((width,), size):
        forms = " or ".join(str(("rows", *form)).replace("'", "") for form in dict.fromkeys([(width,), size]) if form)
        raise UserError(f"an array of shape {array.shape}; {forms} is needed".replace("'", ""))
    if array.dtype.kind not in "buif":
        raise UserError(f"an array of {array.dtype}; numbers are needed")
    features = array.reshape(len(array), width)
    names = [f"{number} ({name})" for number, name in enumerate(known["feature_names"], start=1)]
    _finite(features, known, range(1, len(features) + 1), names)
    return features


def load_arrays(path: str) -> Mapping[str, np.ndarray]:
    """The arrays of an NPY file (which is called features) or an NPZ file."""
    try:
        with open(Path(path).expanduser(), "rb") as file:  # numpy leaves a broken one open
            held = np.load(file, allow_pickle=False)
            return {"features": held} if isinstance(held, np.ndarray) else {name: held[name] for name in held.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error, KeyError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise UserError(f"{path}: cannot be read as arrays of numbers ({reason})") from error


def _array(path: str, name: str) -> np.ndarray:
    arrays = load_arrays(path)
    if name not in arrays and len(arrays) != 1:
        raise UserError(f"{path}: no array called {name}; it holds {_listed(arrays)}")
    return arrays.get(name, next(iter(arrays.values())))


def _finite(features: np.ndarray, known: Known, rows: Sequence[object], names: Sequence[str]) -> None:
    if features.dtype == np.uint8:
        return
    dtype = dtype_for_precision(known["config"]["trainer"]["precision"])
    good = is_representable(features, dtype)
    if not good.all():
        row, column = np.argwhere(~good)[0]
        cell, kind = features[row, column], str(dtype).removeprefix("torch.")
        raise UserError(f"column {names[column]}, row {rows[row]}: {cell} where a finite number is needed ({kind})")


def _no_gap(table: pd.DataFrame, remedy: str) -> None:
    for row, empty in zip(table.index, table.isna().to_numpy(), strict=True):
        if empty.any():
            raise UserError(f"column {table.columns[int(empty.argmax())]}, row {row}: empty or NaN{remedy}")


def _unheard(table: pd.DataFrame, state: Sequence[dict[str, Any]]) -> list[str]:
    """Categories that no training row had count as none of those it had."""
    words = []
    for column in state:
        if "categories" in column:
            values = table[column["name"]].dropna().astype(str)
            if len(strange := sorted(set(values) - set(column["categories"]))):
                words.append(f"column {column['name']}: no training row has {_listed(strange)}; taken as none of them")
    return words


def looks_prescaled(features: np.ndarray, known: Known) -> list[str]:
    """Where pixels may have been divided by 255 that the network divides itself."""
    white = known.get("image_white")
    if white and white > 1 and features.dtype.kind == "f" and features.max() <= 1:
        return [f"all values are at most 1, where the training images go up to {white:g}"]
    return []


def _listed(names: Any) -> str:
    names = list(map(str, names))
    return ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "")


def border_pixels(size: Sequence[int]) -> np.ndarray:
    """(in_features,) which pixels of an image stand at its border."""
    outer = np.ones(size, dtype=bool)
    outer[1:-1, 1:-1] = False
    return outer.reshape(-1)


def from_images(path: str, known: Mapping[str, Any], invert: Any = "auto") -> NewRows:
    """path: an image or a folder of them, taken by name. invert: auto, true or false.

    invert=auto: an image becomes its negative where that makes its border more like the training images' borders.
    """
    shape, white, borders = known["image_size"], known.get("image_white"), known.get("image_border")
    if not shape:
        raise UserError(f"input={path}: the run was trained on {known['in_features']} columns, not on images")
    if white is None or borders is None:
        raise UserError(f"input={path}: the run is of an older mlplab, which did not note how its images are shaded")
    files, others = _files(Path(path).expanduser())
    pixels = np.stack([resize_pixels(file, tuple(shape)) for file in files])
    turned = (
        _unlike(pixels[:, border_pixels(shape)].mean(axis=1) / 255, borders)
        if invert == "auto"
        else np.full(len(files), invert)
    )
    pixels[turned] = 255 - pixels[turned]
    features = pixels if white == 255 else pixels / 255 * white
    words = [f"{others} files that are no images were not used"] if others else []
    if turned.any():
        words.append(f"{int(turned.sum())} of {len(files)} images were inverted (invert={str(invert).lower()})")
    return NewRows(features, [file.name for file in files], "file", words)


def _files(path: Path) -> tuple[list[Path], int]:
    if path.is_file():
        return [path], 0
    inside = sorted(entry for entry in path.iterdir() if entry.is_file() and not entry.name.startswith("."))
    images = [entry for entry in inside if file_kind(entry) == "image"]
    if not images:
        raise UserError(f"input={path}: no image in this folder ({', '.join(SUFFIXES['image'])})")
    return images, len(inside) - len(images)


def _unlike(brightness: np.ndarray, borders: tuple[float, float]) -> np.ndarray:
    """(N,) whether the negative's border is nearer to those of the training images."""
    low, high = borders

    def distance(shade: np.ndarray) -> np.ndarray:
        return np.maximum(0.0, np.maximum(low - shade, shade - high))

    nearer: np.ndarray = distance(1 - brightness) < distance(brightness)
    return nearer
