"""Builds the members of a stack as their single runs are built, as many at once as fit into memory."""

import os
from collections.abc import Sequence

from lightning import Trainer
from omegaconf import DictConfig
from torch import nn

from mlplab.data.datamodule import TensorLoader
from mlplab.data.splits import Splits
from mlplab.learner.learner import Learner
from mlplab.run.build import build
from mlplab.stack.data import DatasetCache
from mlplab.stack.diagnosis import measured_layers
from mlplab.stack.member import Member
from mlplab.stack.network import generator_like_global
from mlplab.stack.trainer_stand_in import TrainerStandIn

COPIES = 16  # of a member's weights: gradients, the optimizer's state, the snapshots of the last and the best epoch
PASSES = 8  # activations of a mini-batch that exist at once, forward and backward
MEMORY_FRACTION = 0.5  # of the memory that is free


def assemble_members(
    configs: Sequence[DictConfig], datasets: DatasetCache | None = None, indices: Sequence[int] | None = None
) -> list[Member]:
    """Builds each member with the seeds, the initial weights and the objects of its single run.

    Members of a fold share its splits, and all members share one Trainer. indices: of the configurations, or all.
    """
    datasets = datasets or DatasetCache()
    members: list[Member] = []
    trainer: Trainer | None = None
    for index in range(len(configs)) if indices is None else indices:
        fold = datasets.fold(configs[index])
        built = build(configs[index], splits=fold.splits, fitted=fold.learner, trainer=trainer, statistics=False)
        generator = generator_like_global()  # directly after the build, where a single run continues
        fold.learner = fold.learner or built.learner
        if trainer is None:
            trainer, train_loader = built.trainer, built.batches.train_dataloader()
            updates = len(TensorLoader(fold.splits.train, built.settings.batch_size))
        members.append(Member(index, fold.index, built, TrainerStandIn(built, train_loader, updates), generator))
    for member, layers in zip(members, measured_layers(members), strict=True):
        member.initial_layers = layers
    return members


def max_members(learner: Learner, splits: Splits, batch_size: int, datasets: int = 1) -> int:
    """Returns how many members fit into half of the free memory, at least one.

    datasets: in memory at once, one per fold and process, each as large as these splits.
    """
    size = next(learner.parameters()).element_size()
    parameters = sum(parameter.numel() for parameter in learner.parameters())
    linear = [layer for layer in learner.modules() if isinstance(layer, nn.Linear)]
    width = splits.in_features + sum(layer.out_features for layer in linear)
    outputs = (len(splits.val) + len(splits.measured)) * 4
    member = size * (COPIES * parameters + PASSES * batch_size * width + outputs)
    scaled = size * splits.in_features * (len(splits.train) + len(splits.val) + len(splits.measured))
    rows = len(splits.train) + len(splits.val) + len(splits.test)
    raw = splits.train.features.element_size() * splits.in_features * rows  # the first dataset is in memory already
    return max(1, int((MEMORY_FRACTION * available_memory() - datasets * scaled - (datasets - 1) * raw) / member))


def available_memory() -> int:
    """Returns bytes of free memory, on Linux with what the system can reclaim; half of all memory where it is
    unknown."""
    try:
        with open("/proc/meminfo") as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith("MemAvailable"))
    except (OSError, StopIteration):
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
