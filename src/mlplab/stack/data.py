"""The rows of K members: those of each fold stored once, scaled and encoded by what was fitted on its training rows."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from omegaconf import DictConfig, OmegaConf
from torch import Tensor

from mlplab.config.messages import describe_error
from mlplab.data.datamodule import TensorLoader
from mlplab.data.splits import Splits
from mlplab.learner.learner import Learner
from mlplab.run.build import build_splits
from mlplab.stack.eligibility import Grouping, split_off_single
from mlplab.stack.member import Member


class StackedData:
    """Training and evaluation rows of D folds with N training rows each; K members, each of one fold.

    inputs, targets: (D N, ...); inputs are not scaled yet where `scale` is set. measured: (D, M, in_features), val rows
    before the measured slice of train; val, train: their raw targets (D, ...). fold: (K,) the fold of each member.
    """

    def __init__(self, members: Sequence[Member]) -> None:
        first, self.fold = group_by_fold(members)
        learners: list[Any] = [member.lab.learner for member in first]
        splits = [member.lab.splits for member in first]
        self.num_train, self.num_val = len(splits[0].train), len(splits[0].val)
        pairs = list(zip(learners, splits, strict=True))
        # one fold of pixels is scaled batch by batch: as uint8 it takes a fourth of the memory
        pixels = len(splits) == 1 and splits[0].train.features.dtype == torch.uint8
        self.scale = learners[0].network.scale if pixels else None
        self.inputs = _concatenate([self._prepared(learner, fold.train.features) for learner, fold in pairs])
        self.targets = _concatenate([learner.encode(fold.train.target) for learner, fold in pairs])
        evaluated = [torch.cat([fold.val.features, fold.measured.features]) for fold in splits]
        scaled = [learner.network.scale(rows) for learner, rows in zip(learners, evaluated, strict=True)]
        self.measured = _concatenate(scaled).view(len(splits), -1, scaled[0].shape[1])
        self.val = torch.stack([fold.val.target for fold in splits])
        self.train = torch.stack([fold.measured.target for fold in splits])

    def order(self, loaders: Sequence[TensorLoader]) -> Tensor:
        """(K, N) indices into `inputs`, in the order of each member's epoch."""
        orders = torch.stack([order for loader in loaders if (order := loader.order()) is not None])
        return orders if len(self.measured) == 1 else orders + self.num_train * self.fold[:, None]

    def batch(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Inputs and targets (K, B, ...) of row indices (K, B)."""
        inputs, targets = (values.index_select(0, rows.reshape(-1)) for values in (self.inputs, self.targets))
        inputs = self.scale(inputs) if self.scale else inputs
        return inputs.view(*rows.shape, -1), targets.view(*rows.shape, *targets.shape[1:])

    def raw_batch(self, member: Member, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Raw features and target of row indices (B,) of one member, as its single run gets them."""
        train, indices = member.lab.splits.train, rows % self.num_train
        return train.features[indices], train.target[indices]

    def per_member(self, values: Tensor) -> Tensor:
        """(D, ...) -> (K, ...), or unchanged where all members share one fold."""
        return expand_folds(values, self.fold)

    def select(self, indices: Sequence[int]) -> None:
        """Keeps the members at these indices."""
        self.fold = self.fold[torch.tensor(indices, dtype=torch.long)]

    def _prepared(self, learner: Any, features: Tensor) -> Tensor:
        return features if self.scale else learner.network.scale(features)


class FoldGroups(NamedTuple):
    """first: the first member of each of D folds. fold: (K,) the index in `first` of each member's fold."""

    first: list[Member]
    fold: Tensor


def group_by_fold(members: Sequence[Member]) -> FoldGroups:
    first: dict[int, Member] = {}
    for member in members:
        first.setdefault(member.fold, member)
    index = {fold: place for place, fold in enumerate(first)}
    return FoldGroups([*first.values()], torch.tensor([index[member.fold] for member in members]))


def expand_folds(values: Tensor, fold: Tensor) -> Tensor:
    """(D, ...) -> (K, ...) by the fold of each member, or unchanged where D is 1."""
    return values if len(values) == 1 else values.index_select(0, fold)


def _concatenate(parts: Sequence[Tensor]) -> Tensor:
    return parts[0] if len(parts) == 1 else torch.cat(list(parts))


@dataclass
class Fold:
    """Splits that members share. index: of the fold in its cache. learner: one that is fitted to the training rows."""

    index: int
    splits: Splits
    learner: Learner | None = None


class DatasetCache:
    """Reads each dataset, or fold of one, once."""

    def __init__(self) -> None:
        self._folds: dict[str, Fold] = {}

    def fold(self, config: DictConfig) -> Fold:
        key = json.dumps([OmegaConf.to_container(config.data), config.trainer.precision])
        if key not in self._folds:
            self._folds[key] = Fold(len(self._folds), build_splits(config))
        return self._folds[key]


def split_by_data(configs: Sequence[DictConfig], datasets: DatasetCache) -> Grouping:
    """Divides the jobs of one stack by the shape of their splits.

    Folds may differ by one row, by the columns that a table gets from its training rows, or by a class that is missing.
    """
    groups: dict[tuple[int, ...], list[int]] = {}
    single: dict[int, str] = {}
    for index, config in enumerate(configs):
        try:
            groups.setdefault(_shape(datasets.fold(config).splits), []).append(index)
        except Exception as error:  # reading data may run any user code; the job, run alone, reports it in full
            single[index] = describe_error(error)
    return split_off_single(groups.values(), single, "no other fold has its size")


def _shape(splits: Splits) -> tuple[int, ...]:
    return len(splits.train), len(splits.val), splits.in_features, len(splits.class_names)
