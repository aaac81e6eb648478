"""What callbacks read of a Trainer: a stack of runs has its own object in place of Lightning's."""

from pathlib import Path
from typing import Any, Protocol

from lightning.pytorch.strategies import Strategy
from torch import Tensor
from torch.optim import Optimizer


class CheckpointSaver(Protocol):
    """Saves a checkpoint as `Trainer.save_checkpoint` does."""

    def save_checkpoint(self, filepath: Path, weights_only: bool = False) -> None: ...


class TrainerState(Protocol):
    """Matches Lightning's Trainer and any object with these attributes."""

    accumulate_grad_batches: int
    should_stop: bool

    @property
    def current_epoch(self) -> int: ...

    @property
    def global_step(self) -> int: ...

    @property
    def max_epochs(self) -> int | None: ...

    @property
    def sanity_checking(self) -> bool: ...

    @property
    def is_last_batch(self) -> bool: ...

    @property
    def callback_metrics(self) -> dict[str, Tensor]: ...

    @property
    def optimizers(self) -> list[Optimizer]: ...

    @property
    def strategy(self) -> Strategy: ...

    @property
    def train_dataloader(self) -> Any: ...

    @property
    def val_dataloaders(self) -> Any: ...
