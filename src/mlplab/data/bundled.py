"""Datasets that scikit-learn carries with it: real data, no download."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn import datasets

from mlplab.data.dataset import Dataset
from mlplab.data.rows import Rows


@dataclass(kw_only=True)
class Bundled(Dataset):
    """name: digits, iris, wine, breast_cancer (classes); diabetes, linnerud (values)."""

    name: str

    def read(self) -> Rows:
        # as shipped, diabetes is scaled by the mean and sd of all its rows, those of the test set among them
        options = {"scaled": False} if self.name == "diabetes" else {}
        bunch: Any = getattr(datasets, f"load_{self.name}")(**options)
        features = np.asarray(bunch.data, dtype=np.float64)
        feature_names = tuple(str(name) for name in bunch.feature_names)
        if self.name in ("diabetes", "linnerud"):
            target = np.asarray(bunch.target, dtype=np.float64).reshape(len(features), -1)
            names = tuple(getattr(bunch, "target_names", ())) or ("progression",)
            return Rows(features, target, feature_names, target_names=names)
        class_names = {label: str(name) for label, name in enumerate(bunch.target_names)}
        size = (8, 8) if self.name == "digits" else None
        return Rows(features, bunch.target, feature_names, class_names=class_names, image_size=size)
