"""The rows of K members: those of each fold stored once, scaled and encoded by what was fitted on its training rows."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from omegaconf import DictConfig, OmegaConf
from torch import Tensor

from mlplab.config.messages import describe_error
from mlplab.data.datamodule import TensorLoader
from mlplab.data.splits import Split, Splits
from mlplab.learner.learner import Learner
from mlplab.run.build import build_splits
from mlplab.stack.eligibility import Grouping, split_off_single
from mlplab.stack.member import Member


class StackedData:
    """Training and evaluation rows of D folds with N training rows each; K members, each of one fold.

    inputs, targets: (D N, ...); inputs are not scaled yet where `scale` is set. evaluated: val rows before the measured
    slice of train.
    """

    def __init__(self, members: Sequence[Member]) -> None:
        first, _ = group_by_fold(members)
        train = [member.splits.train for member in first]
        self.num_train, self.num_val = len(train[0]), len(first[0].splits.val)
        # one fold of pixels is scaled batch by batch: as uint8 it takes a fourth of the memory
        pixels = len(first) == 1 and train[0].features.dtype == torch.uint8
        self.scale = first[0].learner.network.scale if pixels else None
        pairs = list(zip([member.learner for member in first], train, strict=True))
        inputs = [rows.features if pixels else learner.network.scale(rows.features) for learner, rows in pairs]
        self.inputs = _concatenate(inputs)
        self.targets = _concatenate([learner.encode(rows.target) for learner, rows in pairs])
        self.evaluated = stack_rows(members, _evaluated_rows)

    def order(self, loaders: Sequence[TensorLoader]) -> Tensor:
        """Returns (K, N) indices into `inputs`, in the order of each member's epoch."""
        orders = torch.stack([order for loader in loaders if (order := loader.order()) is not None])
        rows = self.evaluated
        return orders if len(rows.features) == 1 else orders + self.num_train * rows.fold[:, None]

    def batch(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Returns inputs and targets (K, B, ...) of row indices (K, B)."""
        inputs, targets = (values.index_select(0, rows.reshape(-1)) for values in (self.inputs, self.targets))
        inputs = self.scale(inputs) if self.scale else inputs
        return inputs.view(*rows.shape, -1), targets.view(*rows.shape, *targets.shape[1:])

    def raw_batch(self, member: Member, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Returns raw features and target of row indices (B,) of one member, as its single run gets them."""
        train, indices = member.splits.train, rows % self.num_train
        return train.features[indices], train.target[indices]

    def select(self, indices: Sequence[int]) -> None:
        """Keeps the members at these indices."""
        fold = self.evaluated.fold[torch.tensor(indices, dtype=torch.long)]
        self.evaluated = replace(self.evaluated, fold=fold)


@dataclass(frozen=True)
class FoldRows:
    """features: (D, N, in_features), scaled. target: (D, N, ...), raw. fold: (K,) the fold of each member."""

    features: Tensor
    target: Tensor
    fold: Tensor

    def per_member(self, values: Tensor) -> Tensor:
        """Expands (D, ...) to (K, ...), or returns it unchanged where all members share one fold."""
        return values if len(values) == 1 else values.index_select(0, self.fold)


def stack_rows(members: Sequence[Member], part: Callable[[Splits], Split]) -> FoldRows:
    """part: the rows of each fold's splits."""
    first, fold = group_by_fold(members)
    parts = [part(member.splits) for member in first]
    scaled = [member.learner.network.scale(rows.features) for member, rows in zip(first, parts, strict=True)]
    features, target = _concatenate(scaled), _concatenate([rows.target for rows in parts])
    features, target = (values.view(len(first), -1, *values.shape[1:]) for values in (features, target))
    return FoldRows(features, target, fold)


def group_by_fold(members: Sequence[Member]) -> tuple[list[Member], Tensor]:
    """Returns the first member of each of D folds, and the index (K,) of each member's fold among them."""
    first: dict[int, Member] = {}
    for member in members:
        first.setdefault(member.fold, member)
    index = {fold: place for place, fold in enumerate(first)}
    return [*first.values()], torch.tensor([index[member.fold] for member in members])


def _evaluated_rows(splits: Splits) -> Split:
    val, train = splits.val, splits.measured
    return Split(torch.cat([val.features, train.features]), torch.cat([val.target, train.target]))


def _concatenate(parts: Sequence[Tensor]) -> Tensor:
    return parts[0] if len(parts) == 1 else torch.cat(list(parts))  # one alone is not copied


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
