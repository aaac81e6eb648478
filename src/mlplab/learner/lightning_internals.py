"""What this project uses of Lightning beyond its documented interface, written for Lightning 2.6.

tests/learner/test_lightning_internals.py says which of these an upgrade has changed.
"""

from collections.abc import Mapping
from typing import Any

import torch
from lightning import Callback, Trainer

CURRENT_HOOK = "_current_fx_name"  # the attribute of a LightningModule in which Lightning notes the hook it is calling


def update_callback_metrics(trainer: Trainer, scores: Mapping[str, float]) -> None:
    """Sets the scores that callbacks monitor, as `log_dict` does."""
    trainer.callback_metrics.update({name: torch.tensor(score) for name, score in scores.items()})


def callbacks_of(trainer: Any) -> list[Callback]:
    """Returns the callbacks of a Trainer, in the order in which they are called; the attribute is missing from its
    types."""
    callbacks: list[Callback] = trainer.callbacks
    return callbacks


def set_callbacks(trainer: Any, callbacks: list[Callback]) -> None:
    trainer.callbacks = callbacks


def batches_done(trainer: Trainer) -> int:
    """Returns the number of training batches of the current epoch that are done."""
    return trainer.fit_loop.epoch_loop.batch_progress.current.completed


def count_update(trainer: Trainer) -> None:
    """Counts one optimizer step, made without Lightning's loop, in `trainer.global_step`."""
    progress = trainer.fit_loop.epoch_loop.automatic_optimization.optim_progress.optimizer.step
    progress.increment_ready()
    progress.increment_completed()


def limit_log_interval(trainer: Any, batches: int) -> None:
    """Logs at least once an epoch of that many batches; Lightning warns otherwise."""
    trainer.log_every_n_steps = min(trainer.log_every_n_steps, batches)
