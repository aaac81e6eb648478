"""Batches by index: each row once an epoch, in an order that (seed, epoch) decides."""

from collections.abc import Iterable

import lightning
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

from mlplab.data.datamodule import InMemoryDataModule, TensorLoader
from mlplab.data.splits import DataInfo, Split, Splits, Task


def part(count: int, start: int = 0) -> Split:
    """The feature of a row is its number, the target twice that."""
    rows = torch.arange(start, start + count)
    return Split(rows[:, None].float(), 2 * rows)


def order(batches: Iterable[tuple[Tensor, Tensor]]) -> list[int]:
    return [int(row) for features, _ in batches for row in features[:, 0]]


def at_epoch(loader: TensorLoader, epoch: int) -> TensorLoader:
    loader.set_epoch(epoch)
    return loader


@settings(deadline=None)
@given(
    count=st.integers(1, 200),
    batch_size=st.integers(1, 50),
    seed=st.one_of(st.none(), st.integers(0, 2**32)),
    epoch=st.integers(0, 1000),
)
def test_every_row_comes_once_per_epoch_with_its_own_target(
    count: int, batch_size: int, seed: int | None, epoch: int
) -> None:
    batches = list(at_epoch(TensorLoader(part(count), batch_size, seed), epoch))
    assert sorted(order(batches)) == list(range(count))
    assert all(torch.equal(target, 2 * features[:, 0].long()) for features, target in batches)


@settings(deadline=None)
@given(count=st.integers(1, 200), batch_size=st.integers(2, 50))
def test_all_batches_but_the_last_are_full_and_none_is_a_single_row(count: int, batch_size: int) -> None:
    loader = TensorLoader(part(count), batch_size, shuffle_seed=0)
    sizes = [len(features) for features, _ in loader]
    assert len(loader) == len(sizes)
    assert sizes[:-1] == [batch_size] * (len(sizes) - 1)
    assert 2 <= sizes[-1] <= batch_size + 1 or count == 1


def test_a_last_batch_of_one_row_joins_the_one_before() -> None:
    assert [len(features) for features, _ in TensorLoader(part(9), 4)] == [4, 5]
    assert [len(features) for features, _ in TensorLoader(part(10), 4)] == [4, 4, 2]


def test_a_batch_size_of_one_is_one_update_per_row() -> None:
    assert [len(features) for features, _ in TensorLoader(part(5), 1)] == [1, 1, 1, 1, 1]


@settings(deadline=None)
@given(seed=st.integers(0, 10_000), epoch=st.integers(0, 1000))
def test_the_order_depends_on_seed_and_epoch(seed: int, epoch: int) -> None:
    first = order(at_epoch(TensorLoader(part(50), 8, seed), epoch))
    torch.rand(epoch % 7 + 1)
    loader = TensorLoader(part(50), 8, seed)
    order(at_epoch(loader, epoch + 1))
    assert order(at_epoch(loader, epoch)) == first
    assert order(at_epoch(loader, epoch + 1)) != first
    assert order(at_epoch(TensorLoader(part(50), 8, seed + 1), epoch)) != first


def test_shuffling_leaves_the_global_generator_alone() -> None:
    before = torch.get_rng_state()
    order(TensorLoader(part(50), 8, shuffle_seed=3))
    assert torch.equal(torch.get_rng_state(), before)


def test_without_a_seed_rows_come_in_their_own_order() -> None:
    loader = TensorLoader(part(11), 4)
    assert order(loader) == order(at_epoch(loader, 5)) == list(range(11))


def test_batches_equal_those_of_torchs_loader_over_the_same_order() -> None:
    loader = at_epoch(TensorLoader(part(33), 8, shuffle_seed=1), 2)
    rows = order(loader)
    chosen = [rows[0:8], rows[8:16], rows[16:24], rows[24:33]]
    torchs = DataLoader(TensorDataset(loader.part.features, loader.part.target), batch_sampler=chosen)
    for ours, theirs in zip(loader, torchs, strict=True):
        assert torch.equal(ours[0], theirs[0])
        assert torch.equal(ours[1], theirs[1])


def test_all_orders_are_equally_likely() -> None:
    loader = TensorLoader(part(20), 20, shuffle_seed=0)
    first = torch.tensor([order(at_epoch(loader, epoch))[0] for epoch in range(4000)])
    assert (torch.bincount(first, minlength=20) / 200 - 1).abs().max() < 0.25


class Watcher(lightning.LightningModule):
    """Writes down what Lightning hands it."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))
        self.trained: dict[int, list[int]] = {}
        self.validated: dict[tuple[int, int], list[int]] = {}

    def training_step(self, batch: tuple[Tensor, Tensor], _: int) -> Tensor:
        self.trained.setdefault(self.current_epoch, []).extend(order([batch]))
        return self.weight**2

    def validation_step(self, batch: tuple[Tensor, Tensor], _: int, dataloader_idx: int) -> None:
        self.validated.setdefault((self.current_epoch, dataloader_idx), []).extend(order([batch]))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)


def splits() -> Splits:
    return Splits(part(20), part(7, 100), part(5, 200), DataInfo(Task.REGRESSION, ("x",)))


def test_lightning_trains_on_another_order_each_epoch_and_validates_on_val_then_the_slice() -> None:
    watcher = Watcher()
    batches = InMemoryDataModule(splits(), batch_size=6, seed=9, eval_batch_size=3)
    trainer = lightning.Trainer(
        max_epochs=3,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )
    trainer.fit(watcher, datamodule=batches)
    expected = [order(at_epoch(TensorLoader(part(20), 6, 9), epoch)) for epoch in range(3)]
    assert list(watcher.trained.values()) == expected
    assert expected[0] != expected[1] != expected[2]
    for epoch in range(3):
        assert watcher.validated[epoch, 0] == list(range(100, 107))
        assert watcher.validated[epoch, 1] == list(range(7))


def test_test_rows_come_in_their_own_order_in_blocks() -> None:
    loader = InMemoryDataModule(splits(), batch_size=2, eval_batch_size=3).test_dataloader()
    assert [features[:, 0].tolist() for features, _ in loader] == [[200, 201, 202], [203, 204]]
