"""How many members a stack takes: what fits into memory, and what stays in the processor's caches."""

import os
from typing import Any

import torch
from torch import nn

from mlplab.data.splits import Splits

COPIES = 16  # of a member's weights: gradients, an optimizer's state, what is kept of the last and of the best epoch
PASSES = 8  # activations of a mini-batch that are held at once, forward and backward
SHARE = 0.5  # of the memory that is free


def largest(learner: Any, splits: Splits, batch_size: int, sets: int = 1) -> int:
    """At least one. sets: of rows that are held, one a fold and process, each as large as these splits."""
    size = torch.finfo(learner.dtype).bits // 8
    parameters = sum(parameter.numel() for parameter in learner.parameters())
    wide = splits.in_features + sum(one.out_features for one in learner.modules() if isinstance(one, nn.Linear))
    outputs = (len(splits.val) + len(splits.measured)) * 4
    member = size * (COPIES * parameters + PASSES * batch_size * wide + outputs)
    scaled = size * splits.in_features * (len(splits.train) + len(splits.val) + len(splits.measured))  # once a set
    read = splits.train.features.element_size() * splits.in_features * _rows(splits)
    return max(1, int((SHARE * available() - sets * scaled - (sets - 1) * read) / member))


def _rows(splits: Splits) -> int:
    return sum(len(part) for part in (splits.train, splits.val, splits.test))


def available() -> int:
    """Bytes of memory that nobody uses; on Linux with what would be given back."""
    try:
        with open("/proc/meminfo") as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith("MemAvailable"))
    except (OSError, StopIteration):
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
