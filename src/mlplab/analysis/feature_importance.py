"""How much each input matters: by how much the loss rises when its cells change places among the rows."""

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
    """rise, spread: (N,) mean and sd of the rise of the loss over shuffles. rows: by which it was measured."""

    names: list[str]
    rise: np.ndarray
    spread: np.ndarray
    rows: int


def permutation_importance(
    learner: Learner, part: Split, groups: Mapping[str, Sequence[int]], repeats: int = REPEATS
) -> Importance:
    """Permutation importance (Breiman, 2001). scikit-learn's wants an estimator that fits.

    groups: positions of the features of each input column (`DataInfo.feature_groups`); they are shuffled together.
    """
    part = part.first(MAX_ROWS)
    generator = torch.Generator().manual_seed(0)
    learner.eval()
    with torch.inference_mode():
        before = _loss(learner, part)
        rises = [[_shuffled(learner, part, at, generator) - before for _ in range(repeats)] for at in groups.values()]
    return Importance([*groups], np.mean(rises, axis=1), np.std(rises, axis=1), len(part))


def _shuffled(learner: Learner, part: Split, at: Sequence[int], generator: torch.Generator) -> float:
    features = part.features.clone()
    features[:, at] = part.features[torch.randperm(len(part), generator=generator)][:, at]
    return _loss(learner, Split(features, part.target))


def _loss(learner: Learner, part: Split) -> float:
    output = learner.network(part.features.to(learner.device))
    return learner.measure(output, part.target.to(learner.device))["loss"]
