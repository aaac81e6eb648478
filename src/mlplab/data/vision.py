"""MNIST and its relatives, downloaded by torchvision, as uint8 pixels."""

import contextlib
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from torchvision import datasets

from mlplab.data.dataset import Dataset
from mlplab.data.readers import find_idx, read_idx, remove_empty_folders
from mlplab.data.splits import RawData
from mlplab.errors import UserError

PARTS = {"train": "train", "test": "t10k"}  # split: its name in MNIST's files


@dataclass(kw_only=True)
class Vision(Dataset):
    """name: MNIST, FashionMNIST, KMNIST or EMNIST. subset: which EMNIST (letters, balanced, digits, ...)."""

    name: str
    root: str
    subset: str | None = None

    def read(self) -> RawData:
        kind = getattr(datasets, self.name)
        if self.name == "EMNIST" and self.subset not in kind.splits:
            raise UserError(f"data.subset={self.subset}: one of {', '.join(kind.splits)}")
        self._fetch(kind)
        images, labels = zip(self._part("train"), self._part("test"), strict=True)
        features = np.concatenate(images)
        if self.name == "EMNIST":  # its files store each image transposed
            features = features.transpose(0, 2, 1)
        size = features.shape[1:]
        names = kind.classes_split_dict[self.subset] if self.name == "EMNIST" else kind.classes
        return RawData(
            features.reshape(len(features), -1),
            np.concatenate(labels).astype(np.int64),
            official=np.concatenate([np.full(len(part), name) for part, name in zip(labels, PARTS, strict=True)]),
            class_names={label: name.split(" - ")[0] for label, name in enumerate(names)},  # MNIST has `0 - zero`
            feature_names=tuple(f"pixel{number}" for number in range(1, size[0] * size[1] + 1)),
            image_size=size,
        )

    @property
    def _folder(self) -> Path:
        return Path(self.root).expanduser() / self.name / "raw"

    def _files(self, part: str) -> tuple[str, str]:
        """Returns file names of images and labels."""
        start = f"emnist-{self.subset}-{part}" if self.name == "EMNIST" else PARTS[part]
        return f"{start}-images-idx3-ubyte", f"{start}-labels-idx1-ubyte"

    def _part(self, part: str) -> tuple[np.ndarray, np.ndarray]:
        images, labels = (find_idx(self._folder, name) for name in self._files(part))
        assert images is not None
        assert labels is not None
        pixels, numbers = read_idx(images, dimensions=3), read_idx(labels, dimensions=1)
        if len(pixels) != len(numbers):
            raise UserError(f"{labels}: {len(numbers)} labels for the {len(pixels)} images of {images.name}")
        return pixels, numbers

    def _fetch(self, kind: Any) -> None:
        """Downloads the files that are missing."""
        missing = [name for part in PARTS for name in self._files(part) if find_idx(self._folder, name) is None]
        if not missing:
            return
        extra = {} if self.subset is None else {"split": self.subset}
        root = Path(self.root).expanduser()
        try:
            with contextlib.redirect_stdout(io.StringIO()), remove_empty_folders(root):
                kind(root, download=True, **extra)
        except (RuntimeError, OSError, ValueError, EOFError, BadZipFile) as error:
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(":")
            files = "its files are" if len(missing) == 4 else f"{', '.join(missing)}:"
            raise UserError(
                f"{self.name}: {files} not in {self._folder} and could not be downloaded ({reason}); "
                "put them there or set data.root or MLPLAB_DATA"
            ) from error
