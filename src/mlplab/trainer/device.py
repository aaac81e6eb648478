"""Is the device there that was asked for, and does it know the precision?"""

import logging
import time
from typing import Any

import torch
from torch._dynamo.exc import TorchDynamoException
from torch._inductor.exc import InductorError

from mlplab.data.datamodule import InMemoryDataModule
from mlplab.errors import UserError
from mlplab.learner.learner import Learner


def check_device(accelerator: str, precision: str, trained: bool = False) -> None:
    """Raises Mistake where Lightning would take another precision with a mere warning, or none.

    trained: the precision is that of a run, and no longer to choose.
    """
    cuda, mps = torch.cuda.is_available(), torch.backends.mps.is_available()
    there = {"auto": True, "cpu": True, "cuda": cuda, "mps": mps, "gpu": cuda or mps}
    if not there[accelerator]:
        found = ", ".join(name for name in ("cuda", "mps", "cpu") if there[name])
        raise UserError(f"trainer.accelerator={accelerator}: there is no such device here, only {found}")
    if accelerator == "cpu" or not (cuda or mps):
        device = "a CPU"
        lacks = {"16-mixed": "bf16-mixed"}
    elif cuda and accelerator != "mps":
        device = "this GPU"
        lacks = {} if torch.cuda.is_bf16_supported() else {"bf16-mixed": "16-mixed"}
    else:
        device = "MPS"
        lacks = {"64-true": "32-true, or trainer.accelerator=cpu"}
    if precision in lacks:
        remedy = "measure where the run was trained" if trained else f"use {lacks[precision]}"
        raise UserError(f"trainer.precision={precision}: {device} has it not; {remedy}")


log = logging.getLogger(__name__)


def compile_network(learner: Learner, batches: InMemoryDataModule) -> None:
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
        raise UserError(f"trainer.compile=true: torch.compile cannot do it here ({reason})") from error
    network.load_state_dict(before)
    learner.zero_grad()
    log.info(f"compile    {time.perf_counter() - started:.1f} s before the first step (trainer.compile=true)")
