"""Images that torchvision downloads: MNIST and its relatives, kept as uint8 pixels."""

import contextlib
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torchvision import datasets

from mlplab.data.dataset import Dataset
from mlplab.data.rows import Rows
from mlplab.mistake import Mistake


@dataclass(kw_only=True)
class Vision(Dataset):
    """name: MNIST, FashionMNIST, KMNIST or EMNIST. subset: which EMNIST (letters, balanced, digits, ...)."""

    name: str
    root: str
    subset: str | None = None

    def read(self) -> Rows:
        parts = {"train": self._load(train=True), "test": self._load(train=False)}
        features = np.concatenate([part.data.numpy() for part in parts.values()])
        if self.name == "EMNIST":  # its files hold each image with rows and columns exchanged
            features = features.transpose(0, 2, 1)
        size = features.shape[1:]
        return Rows(
            features.reshape(len(features), -1),
            np.concatenate([part.targets.numpy() for part in parts.values()]),
            official=np.concatenate([np.full(len(part.data), name) for name, part in parts.items()]),
            class_names=dict(enumerate(_plain(parts["train"].classes))),
            feature_names=tuple(f"pixel{number}" for number in range(1, size[0] * size[1] + 1)),
            image_size=size,
        )

    def _load(self, train: bool) -> Any:
        root = Path(self.root).expanduser()
        extra = {} if self.subset is None else {"split": self.subset}
        kind = getattr(datasets, self.name)
        if self.name == "EMNIST" and self.subset not in kind.splits:
            raise Mistake(f"data.subset={self.subset}: one of {', '.join(kind.splits)}")
        try:
            return kind(root, train=train, download=False, **extra)
        except RuntimeError:  # not there yet
            pass
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                return kind(root, train=train, download=True, **extra)
        except (RuntimeError, OSError) as error:
            reason = str(error).strip().splitlines()[0].rstrip(":")
            raise Mistake(
                f"{self.name}: its files are not in {root / self.name / 'raw'} and could not be downloaded ({reason}); "
                "put them there or set data.root"
            ) from error


def _plain(names: list[str]) -> list[str]:
    """MNIST calls its classes `0 - zero`."""
    return [name.split(" - ")[0] for name in names]
