"""Sign Language MNIST: 28x28 images of 24 letters, as CSV with columns label, pixel1, ..., pixel784.

Its rows are altered copies of a few hundred photos. Near copies form a group, which data.split=group keeps in one
split.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from mlplab.data.dataset import Dataset
from mlplab.data.readers import read_table
from mlplab.data.splits import RawData
from mlplab.errors import UserError

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(kw_only=True)
class SignMNIST(Dataset):
    """Reads `<root>/SignMNIST/sign_mnist_{train,test}.csv`.

    copy_distance: two images of one letter closer than this, in L2 on pixels of 0..1, are copies of one photo.
    """

    root: str
    copy_distance: float = 3.0

    def read(self) -> RawData:
        tables = {name: self._table(name) for name in ("train", "test")}
        values = np.concatenate([table.to_numpy() for table in tables.values()])
        labels, pixels = values[:, 0], values[:, 1:].astype(np.uint8)
        return RawData(
            pixels,
            labels,
            feature_names=tuple(tables["train"].columns[1:]),
            official=np.concatenate([np.full(len(table), name) for name, table in tables.items()]),
            groups=group_near_duplicates(pixels, labels, self.copy_distance),
            class_names=dict(enumerate(LETTERS)),
            image_size=(28, 28),
        )

    def _table(self, name: str) -> pd.DataFrame:
        path = Path(self.root).expanduser() / "SignMNIST" / f"sign_mnist_{name}.csv"
        if not path.exists():
            raise UserError(f"sign_mnist: no file {path}; put the two CSV files there or set data.root or MLPLAB_DATA")
        table = read_table(path)
        if table.shape[1] != 785 or table.columns[0] != "label":
            raise UserError(f"{path}: columns label, pixel1, ..., pixel784 are needed, found {table.shape[1]} columns")
        for column in table.columns[table.dtypes != np.int64]:
            numbers = pd.to_numeric(table[column], errors="coerce")
            row, cell = next(iter(table[column][numbers.isna() | (numbers % 1 != 0)].items()))
            raise UserError(f"{path}: column {column}, row {row}: {cell} is not a whole number")
        return table


def group_near_duplicates(pixels: np.ndarray, labels: np.ndarray, distance: float) -> np.ndarray:
    """Returns (N,) group ids: images of one label linked by steps shorter than `distance`."""
    groups = np.zeros(len(pixels), dtype=np.int64)
    for label in np.unique(labels):
        at = np.flatnonzero(labels == label)
        images = torch.from_numpy(pixels[at]).float() / 255
        near = (torch.cdist(images, images) < distance).numpy()
        _, found = connected_components(coo_array(near), directed=False)
        groups[at] = groups.max() + 1 + found
    return groups
