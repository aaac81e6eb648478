"""Dataset: reads rows, splits them, and encodes them with encoders that are fitted on the training rows."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from mlplab.data.leakage import Level
from mlplab.data.precision import check_numbers, check_precision, check_target
from mlplab.data.preprocessing import Column, encode_columns, fit_columns
from mlplab.data.splits import DataInfo, RawData, Split, Splits
from mlplab.data.splitting import Indices, SplitKind, split_indices, subsample
from mlplab.errors import UserError

Arrays = dict[str, np.ndarray]  # by split


@dataclass(kw_only=True)
class Dataset(ABC):
    """Fractions are of all rows; with an official test set, `val_fraction` is of the others.

    folds, fold: with K folds the rows outside the test set are cut into K parts, and part `fold` is val, in place of
    `val_fraction`.
    label_noise: for classes the fraction of training labels replaced by another class; for regression the standard
    deviation of the noise added to the training target, in units of the target's own.
    leak_check: which checks `find_leaks` runs on the splits.
    """

    split: SplitKind = "random"
    val_fraction: float = 0.2
    test_fraction: float = 0.2
    folds: int | None = None
    fold: int = 0
    split_seed: int = 0
    num_train: int | None = None
    label_noise: float = 0.0
    leak_check: Level = "basic"

    @abstractmethod
    def read(self) -> RawData: ...

    def splits(self, dtype: torch.dtype = torch.float32) -> Splits:
        """Raises UserError for rows that cannot be split, or that a network cannot learn from."""
        rows = self.read()
        if len(rows.target) == 0:
            raise UserError("the data set has no rows")
        fractions = self.val_fraction, self.test_fraction
        index = split_indices(rows, self.split, *fractions, self.split_seed, self.folds, self.fold)
        if self.num_train is not None:
            index["train"] = subsample(rows, index["train"], self.num_train, self.split_seed)
        features, feature_names, columns = _encode_features(rows, index)
        target, class_names = _encode_target(rows, index)
        target_names = rows.target_names or (("target",) if rows.task.is_regression else ())
        if rows.task.is_regression:
            check_target(rows.target, target_names)
        if self.label_noise:
            target["train"] = _add_noise(target["train"], len(class_names), self.label_noise, self.split_seed)
        for name in index:
            check_numbers(features[name], dtype, f"{name} split", [f"feature {column}" for column in feature_names])
            check_numbers(target[name], dtype, f"{name} split", [f"target {column}" for column in target_names])
        check_precision(features["train"], dtype, feature_names)
        info = DataInfo(rows.task, feature_names, class_names, target_names, rows.image_size, columns, dtype=dtype)
        origin = rows.origin()
        return Splits(
            **{name: Split(_to_tensor(features[name], dtype), _to_tensor(target[name], dtype)) for name in index},
            info=info,
            origin={name: origin.iloc[at] for name, at in index.items()},
            leak_check=self.leak_check,
        )


def _encode_features(rows: RawData, index: Mapping[str, Indices]) -> tuple[Arrays, tuple[str, ...], tuple[Column, ...]]:
    if isinstance(rows.features, pd.DataFrame):
        columns = fit_columns(rows.features.iloc[index["train"]])
        features = {name: encode_columns(columns, rows.features.iloc[at]) for name, at in index.items()}
        return features, tuple(name for column in columns for name in column.feature_names), columns
    names = rows.feature_names or tuple(f"x{number}" for number in range(1, rows.features.shape[1] + 1))
    return {name: rows.features[at] for name, at in index.items()}, names, ()


def _encode_target(rows: RawData, index: Mapping[str, Indices]) -> tuple[Arrays, tuple[str, ...]]:
    """Returns class indices and class names; a regression target as it is."""
    target = {name: rows.target[at] for name, at in index.items()}
    if rows.task.is_regression:
        return target, ()
    labels = np.unique(target["train"])
    for name in ("val", "test"):
        if len(unseen := np.setdiff1d(target[name], labels)):
            raise UserError(f"class {rows.class_name(unseen[0])} is in the {name} split but not in training")
    encoded = {name: np.searchsorted(labels, values) for name, values in target.items()}
    return encoded, tuple(map(rows.class_name, labels.tolist()))


def _add_noise(target: np.ndarray, num_classes: int, amount: float, seed: int) -> np.ndarray:
    generator = np.random.default_rng(seed)
    if num_classes == 0:  # regression
        return target + amount * target.std(axis=0) * generator.standard_normal(target.shape)
    changed = generator.choice(len(target), round(amount * len(target)), replace=False)
    noisy = target.copy()
    noisy[changed] = (target[changed] + generator.integers(1, num_classes, len(changed))) % num_classes
    return noisy


def _to_tensor(values: np.ndarray, dtype: torch.dtype) -> torch.Tensor:
    tensor = torch.from_numpy(np.ascontiguousarray(values))
    return tensor.to(dtype) if tensor.is_floating_point() else tensor
