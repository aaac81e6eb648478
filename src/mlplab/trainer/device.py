"""Checks that the requested device exists and supports the precision; compiles a network."""

import logging
import time
from typing import Any

import torch

from mlplab.data.datamodule import InMemoryDataModule
from mlplab.errors import UserError
from mlplab.learner.learner import Learner
from mlplab.trainer.torch_internals import COMPILER_ERRORS

log = logging.getLogger(__name__)


def check_device(accelerator: str, precision: str, trained: bool = False) -> None:
    """Raises UserError if the device is missing, or if Lightning would silently use another precision.

    trained: the precision is that of an existing run and cannot be changed.
    """
    cuda, mps = torch.cuda.is_available(), torch.backends.mps.is_available()
    available = {"auto": True, "cpu": True, "cuda": cuda, "mps": mps, "gpu": cuda or mps}
    if not available[accelerator]:
        found = ", ".join(name for name in ("cuda", "mps", "cpu") if available[name])
        raise UserError(f"trainer.accelerator={accelerator}: there is no such device here, only {found}")
    if accelerator == "cpu" or not (cuda or mps):
        device = "a CPU"
        replacements = {"16-mixed": "bf16-mixed"}
    elif cuda and accelerator != "mps":
        device = "this GPU"
        replacements = {} if torch.cuda.is_bf16_supported() else {"bf16-mixed": "16-mixed"}
    else:
        device = "MPS"
        replacements = {"64-true": "32-true, or trainer.accelerator=cpu"}
    if precision in replacements:
        remedy = "evaluate on a device like that of the training" if trained else f"use {replacements[precision]}"
        raise UserError(f"trainer.precision={precision}: {device} does not support it; {remedy}")


def compile_network(learner: Learner, batches: InMemoryDataModule) -> None:
    """Compiles the network in place, so that the names in a checkpoint stay the same.

    Trains on one batch to start the compiler, then restores weights and random states.
    """
    network: Any = learner.network
    before = {name: value.clone() for name, value in network.state_dict().items()}
    started = time.perf_counter()
    network.compile()
    try:
        with torch.random.fork_rng(devices=[]):
            loss: Any = learner.training_step(next(iter(batches.train_dataloader())), 0)
            loss.backward()
    except COMPILER_ERRORS as error:
        reason = str(error).strip().splitlines()[0]
        raise UserError(f"trainer.compile=true: torch.compile fails here ({reason})") from error
    network.load_state_dict(before)
    learner.zero_grad()
    log.info(f"compile    {time.perf_counter() - started:.1f} s before the first step (trainer.compile=true)")
