"""Permutation importance: the rise of the loss when the values of one input are shuffled among the rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from mlplab.data.splits import Split
from mlplab.learner.learner import Learner

REPEATS = 5
MAX_ROWS = 2000


@dataclass(frozen=True)
class Importance:
    """rise, spread: (F,) mean and standard deviation of the rise of the loss over shuffles. rows: rows evaluated."""

    names: list[str]
    rise: np.ndarray
    spread: np.ndarray
    rows: int


def permutation_importance(learner: Learner, part: Split, groups: Mapping[str, Sequence[int]]) -> Importance:
    """Computes permutation importance (Breiman, 2001); that of scikit-learn needs an estimator with `fit`.

    groups: indices of the features of each input column (`DataInfo.feature_groups`), which are shuffled together.
    """
    part = part.first(MAX_ROWS)
    generator = torch.Generator().manual_seed(0)
    learner.eval()
    with torch.inference_mode():
        before = _loss(learner, part)
        rises = [
            [_loss_shuffled(learner, part, places, generator) - before for _ in range(REPEATS)]
            for places in groups.values()
        ]
    return Importance([*groups], np.mean(rises, axis=1), np.std(rises, axis=1), len(part))


def _loss_shuffled(learner: Learner, part: Split, places: Sequence[int], generator: torch.Generator) -> float:
    features = part.features.clone()
    features[:, places] = part.features[torch.randperm(len(part), generator=generator)][:, places]
    return _loss(learner, Split(features, part.target))


def _loss(learner: Learner, part: Split) -> float:
    output = learner.network(part.features.to(learner.device))
    return learner.measure(output, part.target.to(learner.device))["loss"]
