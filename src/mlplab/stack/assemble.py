"""From the configurations of one form to the members of a stack, which share their data and a Trainer."""

from collections.abc import Sequence
from typing import Any

from omegaconf import DictConfig

from mlplab.build import Lab, build
from mlplab.callback.progress import Progress
from mlplab.callback.stopping import Stopping
from mlplab.data.batches import TensorLoader
from mlplab.data.splits import Splits
from mlplab.stack.draws import standing_generator
from mlplab.stack.member import Member
from mlplab.stack.standing import Standing

APART = (Progress, Stopping)  # they look at a Trainer that trains


def assemble(configs: Sequence[DictConfig], splits: Splits) -> list[Member]:
    """Each as its single run would be built: the same seeds, the same starting weights, the same objects."""
    shared: Lab | None = None
    members = []
    for config in configs:
        lab = build(config, splits)
        shared = shared or lab
        updates = len(TensorLoader(splits.train, config.batch_size))
        callbacks: list[Any] = [one for one in lab.trainer.callbacks if not isinstance(one, APART)]  # type: ignore[attr-defined]
        batches = lab.batches.train_dataloader(), lab.batches.val_dataloader()
        standing = Standing(shared.trainer, lab.learner, callbacks, batches[0], updates, batches[1])
        members.append(Member(config, lab, standing, standing_generator()))
    return members
