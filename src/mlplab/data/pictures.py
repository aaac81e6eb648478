"""Images from files, brought to the form of the training images: size, colour, dark on light or not."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mlplab.data.image_folder import pixels_of
from mlplab.data.suffixes import SUFFIXES, kind_of
from mlplab.data.unseen import Unseen
from mlplab.errors import Mistake


def border(size: Sequence[int]) -> np.ndarray:
    """(in_features,) which pixels of an image stand at its border."""
    outer = np.ones(size, dtype=bool)
    outer[1:-1, 1:-1] = False
    return outer.reshape(-1)


def from_images(path: str, known: Mapping[str, Any], invert: Any = "auto") -> Unseen:
    """path: an image or a folder of them, taken by name. invert: auto, true or false.

    invert=auto: an image becomes its negative where that makes its border more like the training images' borders.
    """
    shape, white, borders = known["image_size"], known.get("image_white"), known.get("image_border")
    if not shape:
        raise Mistake(f"input={path}: the run was trained on {known['in_features']} columns, not on images")
    if white is None or borders is None:
        raise Mistake(f"input={path}: the run is of an older mlplab, which did not note how its images are shaded")
    files, others = _files(Path(path).expanduser())
    pixels = np.stack([pixels_of(file, tuple(shape)) for file in files])
    turned = (
        _unlike(pixels[:, border(shape)].mean(axis=1) / 255, borders)
        if invert == "auto"
        else np.full(len(files), invert)
    )
    pixels[turned] = 255 - pixels[turned]
    features = pixels if white == 255 else pixels / 255 * white
    words = [f"{others} files that are no images were not used"] if others else []
    if turned.any():
        words.append(f"{int(turned.sum())} of {len(files)} images were inverted (invert={str(invert).lower()})")
    return Unseen(features, [file.name for file in files], "file", words)


def _files(path: Path) -> tuple[list[Path], int]:
    if path.is_file():
        return [path], 0
    inside = sorted(entry for entry in path.iterdir() if entry.is_file() and not entry.name.startswith("."))
    images = [entry for entry in inside if kind_of(entry) == "image"]
    if not images:
        raise Mistake(f"input={path}: no image in this folder ({', '.join(SUFFIXES['image'])})")
    return images, len(inside) - len(images)


def _unlike(brightness: np.ndarray, borders: tuple[float, float]) -> np.ndarray:
    """(N,) whether the negative's border is nearer to those of the training images."""
    low, high = borders

    def distance(shade: np.ndarray) -> np.ndarray:
        return np.maximum(0.0, np.maximum(low - shade, shade - high))

    nearer: np.ndarray = distance(1 - brightness) < distance(brightness)
    return nearer
