"""What a class counts in the loss where classes are to be balanced."""

from collections.abc import Callable

import torch
from omegaconf import DictConfig
from torch import Tensor

from mlplab.card import Card
from mlplab.data.splits import Splits

# by the key of the loss, from the number of training rows of each class
RULES: dict[str, Callable[[Tensor], Tensor]] = {
    "weight": lambda counts: counts.sum() / (len(counts) * counts),
    "pos_weight": lambda counts: counts[:1] / counts[1:],
}


def balanced(config: DictConfig, splits: Splits) -> dict[str, Tensor]:
    """From the training rows: n / (num_classes n_c), or negatives a positive."""
    weights = {}
    for key, rule in _asked(config).items():
        counts = torch.bincount(splits.train.target, minlength=len(splits.class_names))
        weights[key] = rule(counts.to(torch.get_default_dtype()))
    return weights


def unweighted(config: DictConfig, known: Card) -> dict[str, Tensor]:
    """Of the same form, until a state_dict fills them."""
    equal = torch.ones(len(known["class_names"]))
    return {key: rule(equal) for key, rule in _asked(config).items()}


def _asked(config: DictConfig) -> dict[str, Callable[[Tensor], Tensor]]:
    return {key: rule for key, rule in RULES.items() if config.loss.get(key) == "balanced"}
