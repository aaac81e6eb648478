"""Files of the MNIST family: two zero bytes, a type, the number of dimensions, their sizes, then the values.

torchvision reads them too, but a broken one ends in an assertion without words.
"""

import gzip
import math
import zlib
from pathlib import Path

import numpy as np

from mlplab.errors import Mistake

UINT8 = 8


def find_idx(folder: Path, name: str) -> Path | None:
    """The file itself, else its gz."""
    return next((path for path in (folder / name, folder / f"{name}.gz") if path.exists()), None)


def read_idx(path: Path, dimensions: int) -> np.ndarray:
    """Bytes, (N,) or (N, height, width). Raises Mistake for a file that is not whole."""
    content = _content(path)
    start = 4 + 4 * dimensions
    if not content:
        raise Mistake(f"{path}: the file is empty")
    magic = bytes([0, 0, UINT8, dimensions])
    if content[:4] != magic:
        raise Mistake(f"{path}: starts with {content[:4].hex(' ')}, not with the magic number {magic.hex(' ')}")
    sizes = [int.from_bytes(content[at : at + 4], "big") for at in range(4, start, 4)]
    needed = start + math.prod(sizes)
    if len(content) != needed or len(content) < start:
        form = "x".join(map(str, sizes))
        raise Mistake(f"{path}: is cut short or damaged: {form} values need {needed} bytes, there are {len(content)}")
    return np.frombuffer(content, dtype=np.uint8, offset=start).reshape(sizes)


def _content(path: Path) -> bytes:
    try:
        raw = path.read_bytes()
        return gzip.decompress(raw) if path.suffix == ".gz" else raw
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise Mistake(f"{path}: is cut short or damaged ({error})") from error
    except OSError as error:
        raise Mistake(f"{path}: {error.strerror}") from error
