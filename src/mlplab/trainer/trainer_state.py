"""What callbacks and checkpoints read of a Trainer, so that a run that Lightning does not train can have them too."""

from typing import Any, Protocol

from lightning.pytorch.strategies import Strategy
from torch import Tensor
from torch.optim import Optimizer


class TrainerState(Protocol):
    """Lightning's Trainer fits, as does any object with these attributes."""

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
