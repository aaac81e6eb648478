"""What every dataset shares: rows are read, split, and encoded by what the training rows say."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch

from mlplab.data.leakage import Level
from mlplab.data.preprocessing import ColumnEncoder, check_numbers, check_precision, check_target
from mlplab.data.splits import RawData, Split, Splits
from mlplab.data.splitting import Indices, SplitKind, split_indices, subsample
from mlplab.errors import UserError


@dataclass(kw_only=True)
class Dataset(ABC):
    """Fractions are of all rows; with an official test set, `val_fraction` is of the others.

    folds, fold: of the rows that are not test rows part `fold` of so many is val, in place of `val_fraction`.
    label_noise: for classes the share of training labels redrawn from the other classes;
    for values the sd of added noise, in units of the training target's sd.
    leak_check: what `find_leaks` looks for in the splits.
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
        rows = self.read()
        if len(rows.target) == 0:
            raise UserError("the data set has no rows")
        fractions = self.val_fraction, self.test_fraction
        index = split_indices(rows, self.split, *fractions, self.split_seed, self.folds, self.fold)
        if self.num_train is not None:
            index["train"] = subsample(rows, index["train"], self.num_train, self.split_seed)
        features, feature_names, columns = _encode_features(rows, index)
        target, class_names = _encode_target(rows, index)
        target_names = rows.target_names or (() if class_names else ("target",))
        if not rows.is_classes:
            check_target(rows.target, target_names)
        if self.label_noise:
            target["train"] = _noisy(target["train"], len(class_names), self.label_noise, self.split_seed)
        for name in index:
            check_numbers(features[name], dtype, f"{name} split", [f"feature {column}" for column in feature_names])
            check_numbers(target[name], dtype, f"{name} split", [f"target {column}" for column in target_names])
        check_precision(features["train"], dtype, feature_names)
        origin = rows.origin()
        return Splits(
            **{name: Split(_tensor(features[name], dtype), _tensor(target[name], dtype)) for name in index},
            feature_names=feature_names,
            class_names=class_names,
            target_names=target_names,
            image_size=rows.image_size,
            columns=columns,
            origin={name: origin.iloc[at] for name, at in index.items()},
            leak_check=self.leak_check,
        )


def _encode_features(
    rows: RawData, index: Mapping[str, Indices]
) -> tuple[dict[str, np.ndarray], tuple[str, ...], tuple[dict[str, Any], ...]]:
    if isinstance(rows.features, pd.DataFrame):
        columns = ColumnEncoder.learn(rows.features.iloc[index["train"]])
        features = {name: columns.features(rows.features.iloc[at]) for name, at in index.items()}
        return features, columns.names, tuple(columns.state)
    names = rows.feature_names or tuple(f"x{number}" for number in range(1, rows.features.shape[1] + 1))
    return {name: rows.features[at] for name, at in index.items()}, names, ()


def _encode_target(rows: RawData, index: Mapping[str, Indices]) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
    target = {name: rows.target[at] for name, at in index.items()}
    if not rows.is_classes:
        return target, ()
    labels = np.unique(target["train"])
    for name in ("val", "test"):
        if len(unseen := np.setdiff1d(target[name], labels)):
            raise UserError(f"class {rows.name_of(unseen[0])} is in the {name} split but not in training")
    encoded = {name: np.searchsorted(labels, values) for name, values in target.items()}
    return encoded, tuple(map(rows.name_of, labels.tolist()))


def _noisy(target: np.ndarray, num_classes: int, amount: float, seed: int) -> np.ndarray:
    generator = np.random.default_rng(seed)
    if not num_classes:
        return target + amount * target.std(axis=0) * generator.standard_normal(target.shape)
    hit = generator.choice(len(target), round(amount * len(target)), replace=False)
    noisy = target.copy()
    noisy[hit] = (target[hit] + generator.integers(1, num_classes, len(hit))) % num_classes
    return noisy


def _tensor(values: np.ndarray, dtype: torch.dtype) -> torch.Tensor:
    tensor = torch.from_numpy(np.ascontiguousarray(values))
    return tensor.to(dtype) if tensor.is_floating_point() else tensor
