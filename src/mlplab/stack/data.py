"""The rows of K members: those of each fold once, scaled and encoded by what was learned from them."""

import json
from collections.abc import Sequence
from typing import Any

import torch
from omegaconf import DictConfig, OmegaConf
from torch import Tensor

from mlplab.config.messages import describe_error
from mlplab.data.datamodule import TensorLoader
from mlplab.data.splits import Splits
from mlplab.run.build import build_splits
from mlplab.stack.member import Member


class StackedData:
    """Members hold the same Splits, or those of D folds, which have one form: N rows that train, M that are measured.

    inputs, targets: (D N, ...), where `scale` is there not scaled yet. measured: (D, M, in_features), those of val
    before those of train, of which `val` and `train` are the raw targets (D, ...). at: the fold of each member.
    """

    def __init__(self, members: Sequence[Member]) -> None:
        first, self.at = by_fold(members)
        learners: list[Any] = [one.lab.learner for one in first]
        folds = [one.lab.splits for one in first]
        self.count, self.num_val = len(folds[0].train), len(folds[0].val)
        pairs = list(zip(learners, folds, strict=True))
        pixels = len(folds) == 1 and folds[0].train.features.dtype == torch.uint8  # a fourth of the memory to pass over
        self.scale = learners[0].network.scale if pixels else None
        self.inputs = _end_to_end([self._held(one, fold.train.features) for one, fold in pairs])
        self.targets = _end_to_end([one.encode(fold.train.target) for one, fold in pairs])
        parts = [torch.cat([fold.val.features, fold.measured.features]) for fold in folds]
        scaled = [one.network.scale(part) for one, part in zip(learners, parts, strict=True)]
        self.measured = _end_to_end(scaled).view(len(folds), -1, scaled[0].shape[1])
        self.val = torch.stack([fold.val.target for fold in folds])
        self.train = torch.stack([fold.measured.target for fold in folds])

    def order(self, loaders: Sequence[TensorLoader]) -> Tensor:
        """(K, N) places in `inputs`: of an epoch, by member."""
        orders = torch.stack([loader.order() for loader in loaders])  # type: ignore[misc]
        return orders if len(self.measured) == 1 else orders + self.count * self.at[:, None]

    def batch(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Inputs and targets (K, B, ...) of places (K, B)."""
        inputs, targets = (values.index_select(0, rows.reshape(-1)) for values in (self.inputs, self.targets))
        inputs = self.scale(inputs) if self.scale else inputs
        return inputs.view(*rows.shape, -1), targets.view(*rows.shape, *targets.shape[1:])

    def _held(self, learner: Any, features: Tensor) -> Tensor:
        return features if self.scale else learner.network.scale(features)

    def raw(self, member: Member, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Features and target of a member's places (B,), as its single run has them."""
        part, own = member.lab.splits.train, rows % self.count
        return part.features[own], part.target[own]

    def by_member(self, values: Tensor) -> Tensor:
        """(D, ...) -> (K, ...), or as it is where all members hold the same."""
        return expand_folds(values, self.at)

    def only(self, places: Tensor) -> None:
        self.at = self.at[places]


def by_fold(members: Sequence[Member]) -> tuple[list[Member], Tensor]:
    """The first member of each of D folds, and the place among these of that of each of K members (K,)."""
    first: dict[int, Member] = {}
    for member in members:
        first.setdefault(id(member.lab.splits), member)
    places = [*first]
    return [*first.values()], torch.tensor([places.index(id(member.lab.splits)) for member in members])


def expand_folds(values: Tensor, at: Tensor) -> Tensor:
    """(D, ...) -> (K, ...) by the fold of each member, or as it is where all members hold the same."""
    return values if len(values) == 1 else values.index_select(0, at)


def _end_to_end(parts: Sequence[Tensor]) -> Tensor:
    return parts[0] if len(parts) == 1 else torch.cat(list(parts))


class DatasetCache:
    def __init__(self) -> None:
        self._known: dict[str, Splits] = {}

    def of(self, config: DictConfig) -> Splits:
        if (key := _key(config)) not in self._known:
            self._known[key] = build_splits(config)
        return self._known[key]


def split_by_data(configs: Sequence[DictConfig], datasets: DatasetCache) -> tuple[list[list[int]], dict[int, str]]:
    """As `grouped`, of one of its groups: folds may differ by a row, in the columns that their training rows make of a
    table, or in a class that these lack."""
    found: dict[Any, list[int]] = {}
    alone: dict[int, str] = {}
    for place, config in enumerate(configs):
        try:
            found.setdefault(_form(datasets.of(config)), []).append(place)
        except Exception as error:  # the job will say so by itself
            alone[place] = describe_error(error)
    alone |= {places[0]: "no other fold is of its size" for places in found.values() if len(places) == 1}
    return [places for places in found.values() if len(places) > 1], alone


def _key(config: DictConfig) -> str:
    return json.dumps([OmegaConf.to_container(config.data), config.trainer.precision])


def _form(splits: Splits) -> tuple[int, ...]:
    return len(splits.train), len(splits.val), splits.in_features, len(splits.class_names)
