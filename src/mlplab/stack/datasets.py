"""The data of jobs that train as one: read once a fold, and parted where folds differ in form."""

import json
from collections.abc import Sequence
from typing import Any

from omegaconf import DictConfig, OmegaConf

from mlplab.config.messages import explain
from mlplab.data.splits import Splits
from mlplab.run.build import build_splits


class Datasets:
    def __init__(self) -> None:
        self._known: dict[str, Splits] = {}

    def of(self, config: DictConfig) -> Splits:
        if (key := _key(config)) not in self._known:
            self._known[key] = build_splits(config)
        return self._known[key]


def parted(configs: Sequence[DictConfig], datasets: Datasets) -> tuple[list[list[int]], dict[int, str]]:
    """As `grouped`, of one of its groups: folds may differ by a row, in the columns that their training rows make of a
    table, or in a class that these lack."""
    found: dict[Any, list[int]] = {}
    alone: dict[int, str] = {}
    for place, config in enumerate(configs):
        try:
            found.setdefault(_form(datasets.of(config)), []).append(place)
        except Exception as error:  # the job will say so by itself
            alone[place] = explain(error)
    alone |= {places[0]: "no other fold is of its size" for places in found.values() if len(places) == 1}
    return [places for places in found.values() if len(places) > 1], alone


def _key(config: DictConfig) -> str:
    return json.dumps([OmegaConf.to_container(config.data), config.trainer.precision])


def _form(splits: Splits) -> tuple[int, ...]:
    return len(splits.train), len(splits.val), splits.in_features, len(splits.class_names)
