"""From the configurations of one form to the members of a stack, which share a Trainer and the data of each fold."""

from collections.abc import Sequence
from typing import Any

from omegaconf import DictConfig

from mlplab.build import Lab, build
from mlplab.callback.progress import Progress
from mlplab.callback.stopping import Stopping
from mlplab.data.batches import TensorLoader
from mlplab.stack.datasets import Datasets
from mlplab.stack.draws import standing_generator
from mlplab.stack.member import Member
from mlplab.stack.standing import Standing

APART = (Progress, Stopping)  # they look at a Trainer that trains


def assemble(configs: Sequence[DictConfig], datasets: Datasets | None = None) -> list[Member]:
    """Each as its single run would be built: the same seeds, the same starting weights, the same objects."""
    datasets = datasets or Datasets()
    first: Lab | None = None
    measured: dict[int, Any] = {}  # by fold, which hold the same Splits
    members = []
    for config in configs:
        lab = build(config, like=first, splits=datasets.of(config))
        generator = standing_generator()
        if first is None:
            first, batches = lab, lab.batches.train_dataloader()
            updates = len(TensorLoader(lab.splits.train, config.batch_size))
        callbacks = [one for one in lab.callbacks if not isinstance(one, APART)]
        own = measured.setdefault(id(lab.splits), lab.batches.val_dataloader())
        standing = Standing(first.trainer, lab.learner, callbacks, batches, updates, own)
        members.append(Member(config, lab, standing, generator))
    return members
