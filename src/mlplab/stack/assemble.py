"""From the configurations of one form to the members of a stack, which share their data and a Trainer."""

from collections.abc import Sequence

from omegaconf import DictConfig

from mlplab.build import Lab, build
from mlplab.callback.progress import Progress
from mlplab.callback.stopping import Stopping
from mlplab.data.batches import TensorLoader
from mlplab.stack.draws import standing_generator
from mlplab.stack.member import Member
from mlplab.stack.standing import Standing

APART = (Progress, Stopping)  # they look at a Trainer that trains


def assemble(configs: Sequence[DictConfig]) -> list[Member]:
    """Each as its single run would be built: the same seeds, the same starting weights, the same objects."""
    first: Lab | None = None
    members = []
    for config in configs:
        lab = build(config, like=first)
        generator = standing_generator()
        if first is None:
            first, batches = lab, (lab.batches.train_dataloader(), lab.batches.val_dataloader())
            updates = len(TensorLoader(lab.splits.train, config.batch_size))
        callbacks = [one for one in lab.callbacks if not isinstance(one, APART)]
        standing = Standing(first.trainer, lab.learner, callbacks, batches[0], updates, batches[1])
        members.append(Member(config, lab, standing, generator))
    return members
