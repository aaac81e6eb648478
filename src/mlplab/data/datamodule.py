"""LightningDataModule over in-memory tensors; a batch is taken by index."""

from collections.abc import Iterator

import torch
from lightning import LightningDataModule
from torch import Tensor

from mlplab.data.splits import Split, Splits

EVAL_BATCH_SIZE = 4096  # rows that are evaluated at once
Batch = tuple[Tensor, Tensor]


class TensorLoader:
    """Iterates over batches of (features, target); the order of an epoch depends on (seed, epoch).

    Lightning calls `sampler.set_epoch`, as for torch's own samplers. With batch_size > 1 a last batch of a single row
    is joined to the one before it, because batch normalisation cannot train on one row.
    """

    def __init__(self, part: Split, batch_size: int, shuffle_seed: int | None = None) -> None:
        self.part = part
        self.shuffle_seed = shuffle_seed
        self.sampler = self
        self.batch_sampler = None  # as in a DataLoader without automatic batching
        self.epoch = 0
        self._first = 0  # batch at which the next epoch starts
        self._returned = 0  # batches of the current epoch
        count = len(part)
        starts = list(range(0, count, batch_size))
        if batch_size > 1 and len(starts) > 1 and count - starts[-1] == 1:
            starts.pop()
        self.bounds = list(zip(starts, [*starts[1:], count], strict=True))

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.bounds)

    def state_dict(self) -> dict[str, int]:
        """Returns how many batches of the current epoch were returned, so that it resumes there."""
        return {"given": self._returned % len(self.bounds)}

    def load_state_dict(self, state: dict[str, int]) -> None:
        self._first = state["given"]

    def __iter__(self) -> Iterator[Batch]:
        for features, target, _ in self.blocks(1):
            yield features, target

    def blocks(self, size: int) -> Iterator[tuple[Tensor, Tensor, list[int]]]:
        """Iterates over `size` batches at a time, the last block may have fewer: their features, their target, and the
        number of rows in each batch."""
        order = self.order()
        first, self._first = self._first, 0
        for at in range(first, len(self.bounds), size):
            bounds = self.bounds[at : at + size]
            rows = slice(bounds[0][0], bounds[-1][1])
            self._returned = at + len(bounds)
            values = (self.part.features, self.part.target)
            if order is None:
                features, target = (part[rows] for part in values)
            else:  # index_select copies whole rows: on images 20 times as fast as indexing
                features, target = (part.index_select(0, order[rows]) for part in values)
            yield features, target, [high - low for low, high in bounds]

    def order(self) -> Tensor | None:
        """Returns the order of the rows in this epoch; None if they are not shuffled."""
        if self.shuffle_seed is None:
            return None
        generator = torch.Generator().manual_seed((self.shuffle_seed * 1_000_003 + self.epoch) % 2**63)
        return torch.randperm(len(self.part), generator=generator)


class InMemoryDataModule(LightningDataModule):
    """Validation dataloaders: 0 is val, 1 the measured slice of train."""

    def __init__(self, splits: Splits, batch_size: int, seed: int = 0, eval_batch_size: int = EVAL_BATCH_SIZE) -> None:
        super().__init__()
        self.splits = splits
        self.batch_size = batch_size
        self.seed = seed
        self.eval_batch_size = eval_batch_size

    def train_dataloader(self) -> TensorLoader:
        return TensorLoader(self.splits.train, self.batch_size, shuffle_seed=self.seed)

    def val_dataloader(self) -> list[TensorLoader]:
        return [TensorLoader(part, self.eval_batch_size) for part in (self.splits.val, self.splits.measured)]

    def test_dataloader(self) -> TensorLoader:
        return TensorLoader(self.splits.test, self.eval_batch_size)
