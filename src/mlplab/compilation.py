"""torch.compile for a network, before the fit, so that what it costs is told and stands in no epoch."""

import logging
import time
from typing import Any

import torch
from torch._dynamo.exc import TorchDynamoException
from torch._inductor.exc import InductorError

from mlplab.data.datamodule import Batches
from mlplab.errors import Mistake
from mlplab.learner.learner import Learner

log = logging.getLogger(__name__)


def compile_network(learner: Learner, batches: Batches) -> None:
    """In place: the names in a checkpoint stay as they are. One batch goes through, and leaves no trace."""
    network: Any = learner.network
    before = {name: value.clone() for name, value in network.state_dict().items()}
    started = time.perf_counter()
    network.compile()
    try:
        with torch.random.fork_rng(devices=[]):
            loss: Any = learner.training_step(next(iter(batches.train_dataloader())), 0)
            loss.backward()
    except (TorchDynamoException, InductorError) as error:
        reason = str(error).strip().splitlines()[0]
        raise Mistake(f"trainer.compile=true: torch.compile cannot do it here ({reason})") from error
    network.load_state_dict(before)
    learner.zero_grad()
    log.info(f"compile    {time.perf_counter() - started:.1f} s before the first step (trainer.compile=true)")
