"""Reads the user's own images, one folder per class, resized and converted to grey unless grey=false."""

import struct
import textwrap
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps
from torchvision.datasets import ImageFolder as TorchvisionImageFolder

from mlplab.data.dataset import Dataset
from mlplab.data.splits import RawData
from mlplab.errors import UserError


class _Visible(TorchvisionImageFolder):  # type: ignore[misc]
    """Ignores hidden folders, such as .ipynb_checkpoints."""

    def find_classes(self, directory: str | Path) -> tuple[list[str], dict[str, int]]:
        names = [name for name in super().find_classes(directory)[0] if not name.startswith(".")]
        return names, {name: label for label, name in enumerate(names)}


@dataclass(kw_only=True)
class ImageFolder(Dataset):
    """size: height and width in pixels. Pixels are kept as uint8."""

    root: str
    size: list[int] = field(default_factory=lambda: [28, 28])
    grey: bool = True

    def __post_init__(self) -> None:
        if len(self.size) != 2:
            raise UserError(f"data.size={self.size}: height and width are needed, such as [28, 28]")

    def read(self) -> RawData:
        try:
            found = _Visible(Path(self.root).expanduser())
        except (FileNotFoundError, NotADirectoryError) as error:
            reason = textwrap.shorten(str(error), 120)
            raise UserError(f"data.root={self.root}: one folder of images per class is needed ({reason})") from error
        height, width = self.size
        shape = (height, width) if self.grey else (height, width, 3)
        pixels = np.empty((len(found.samples), int(np.prod(shape))), dtype=np.uint8)
        for row, (path, _) in enumerate(found.samples):
            pixels[row] = resize_pixels(path, shape)
        return RawData(
            pixels,
            np.array(found.targets),
            feature_names=tuple(f"pixel{number}" for number in range(1, pixels.shape[1] + 1)),
            class_names=dict(enumerate(found.classes)),
            image_size=shape,
            names=np.array([Path(path).relative_to(found.root).as_posix() for path, _ in found.samples]),
        )


def resize_pixels(path: str | Path, shape: tuple[int, ...]) -> np.ndarray:
    """Returns (in_features,) uint8 pixels. shape: (height, width) for grey, or (height, width, 3); the image is
    stretched."""
    height, width = shape[:2]
    try:
        with Image.open(path) as image:
            upright = ImageOps.exif_transpose(image)  # as viewers show it: cameras store their orientation
            converted = _eight_bits(_on_white(upright)).convert("L" if len(shape) == 2 else "RGB")
            resized = converted.resize((width, height), Image.Resampling.BILINEAR)
    # which error Pillow raises depends on where the file is damaged
    except (OSError, SyntaxError, ValueError, EOFError, struct.error, Image.DecompressionBombError) as error:
        raise UserError(f"{path}: not an image that can be read ({error})") from error
    return np.asarray(resized).reshape(-1)


def _on_white(image: Image.Image) -> Image.Image:
    """Replaces transparency by white: transparent pixels have a colour too, mostly black."""
    if not image.has_transparency_data:
        return image
    layer = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer)


def _eight_bits(image: Image.Image) -> Image.Image:
    """Scales 16-bit images, which Pillow would clip at 255."""
    if not image.mode.startswith("I"):
        return image
    return Image.fromarray((np.asarray(image) // 257).astype(np.uint8))
