"""From the configurations of one form to the members of a stack, which share a Trainer and the data of each fold."""

from collections.abc import Sequence
from typing import Any

from omegaconf import DictConfig

from mlplab.data.datamodule import TensorLoader
from mlplab.learner.learner import Learner
from mlplab.run.build import Lab, unmeasured
from mlplab.stack.closing import measured_layers
from mlplab.stack.datasets import Datasets
from mlplab.stack.draws import standing_generator
from mlplab.stack.member import Member
from mlplab.stack.standing import Standing
from mlplab.trainer.interrupt import Stopping
from mlplab.trainer.progress import Progress

NEEDS_TRAINER = (Progress, Stopping)  # they look at a Trainer that trains


def assemble(
    configs: Sequence[DictConfig], datasets: Datasets | None = None, taught: dict[int, Learner] | None = None
) -> list[Member]:
    """Each as its single run would be built: the same seeds, the same starting weights, the same objects.

    taught: learners of this form that have learned from the rows of Splits, by their identity; grows."""
    datasets, taught = datasets or Datasets(), {} if taught is None else taught
    first: Lab | None = None
    measured: dict[int, Any] = {}  # by fold, which hold the same Splits
    members = []
    for config in configs:
        splits = datasets.of(config)
        lab = unmeasured(config, splits=splits, taught=taught.get(id(splits)), trainer=first.trainer if first else None)
        taught.setdefault(id(splits), lab.learner)
        generator = standing_generator()
        if first is None:
            first, batches = lab, lab.batches.train_dataloader()
            updates = len(TensorLoader(splits.train, config.batch_size))
        callbacks = [one for one in lab.callbacks if not isinstance(one, NEEDS_TRAINER)]
        own = measured.setdefault(id(splits), lab.batches.val_dataloader())
        standing = Standing(first.trainer, lab.learner, callbacks, batches, updates, own)
        members.append(Member(config, lab, standing, generator))
    for member, start in zip(members, measured_layers(members), strict=True):
        member.start = start
    return members
