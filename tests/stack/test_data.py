"""A member gets the rows of its own fold, scaled and encoded as in its single run; each fold is read once."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from mlplab.data.datamodule import TensorLoader
from mlplab.stack.assemble import assemble_members
from mlplab.stack.data import DatasetCache, StackedData, split_by_data
from mlplab.stack.member import Member
from tests.stack.conftest import SMALL

Configured = Callable[..., Any]


def build_members(configured: Configured, *overrides: str) -> list[Member]:
    return assemble_members([configured(*SMALL, *own.split()) for own in overrides])


def loaders(members: list[Member]) -> list[TensorLoader]:
    return [TensorLoader(member.splits.train, 32, member.components.settings.seed) for member in members]


@pytest.mark.parametrize("dataset", ["data=iris", "data=diabetes"])
def test_a_member_gets_the_rows_of_its_fold_in_its_own_order(configured: Configured, dataset: str) -> None:
    base = f"{dataset} data.folds=2 data.test_fraction=0.2"
    own = (f"{base} data.fold={fold} seed={seed}" for fold, seed in ((0, 1), (1, 1), (0, 2)))
    members = build_members(configured, *own)
    data = StackedData(members)
    assert len(data.evaluated.features) == 2, "two folds, three members"
    order = data.order(loaders(members))
    features, target = data.batch(order[:, :10])
    for place, (member, loader) in enumerate(zip(members, loaders(members), strict=True)):
        learner: Any = member.learner
        splits, indices = member.splits, loader.order()
        assert indices is not None
        raw = splits.train.features[indices[:10]], splits.train.target[indices[:10]]
        assert torch.equal(features[place], learner.network.scale(raw[0]))
        assert torch.equal(target[place], learner.encode(raw[1]))
        assert all(map(torch.equal, data.raw_batch(member, order[place, :10]), raw))
        rows = data.evaluated
        measured, raw_target = (rows.per_member(values)[place] for values in (rows.features, rows.target))
        assert torch.equal(measured[: data.num_val], learner.network.scale(splits.val.features))
        assert torch.equal(measured[data.num_val :], learner.network.scale(splits.measured.features))
        assert torch.equal(raw_target[: data.num_val], splits.val.target)
        assert torch.equal(raw_target[data.num_val :], splits.measured.target)


def test_members_that_remain_keep_their_folds(configured: Configured) -> None:
    members = build_members(configured, *(f"data.folds=2 data.fold={fold} seed={fold}" for fold in (0, 1, 1)))
    data = StackedData(members)
    data.select([2])
    assert data.order(loaders(members)[2:]).min() == data.num_train
    target = data.evaluated.per_member(data.evaluated.target)
    assert torch.equal(target[0, : data.num_val], members[1].splits.val.target)


def test_shared_data_is_stored_once_and_not_copied_for_each_member(configured: Configured) -> None:
    members = build_members(configured, "seed=1", "seed=2")
    data = StackedData(members)
    features = data.evaluated.features
    assert data.evaluated.per_member(features) is features
    assert len(features) == 1
    assert data.inputs.shape == members[0].splits.train.features.shape
    assert data.order(loaders(members)).max() == data.num_train - 1


def test_pixels_are_scaled_batch_by_batch(configured: Configured, tmp_path: Path) -> None:
    """As uint8 they take a fourth of the memory."""
    numbers = np.random.default_rng(0)
    for kind in ("cat", "dog"):
        (tmp_path / kind).mkdir()
        for number in range(20):
            Image.fromarray(numbers.integers(0, 256, (4, 4), np.uint8)).save(tmp_path / kind / f"{number}.png")
    base = f"data=image_folder data.root={tmp_path} data.size=[4,4]"
    members = build_members(configured, f"{base} seed=1", f"{base} seed=2")
    data = StackedData(members)
    assert data.inputs.dtype == torch.uint8
    features, _ = data.batch(data.order(loaders(members))[:, :10])
    for place, (member, loader) in enumerate(zip(members, loaders(members), strict=True)):
        indices: Any = loader.order()
        learner: Any = member.learner
        assert torch.equal(features[place], learner.network.scale(member.splits.train.features[indices[:10]]))


def test_data_that_two_jobs_share_is_read_once(configured: Configured) -> None:
    datasets = DatasetCache()
    first, again, other = (
        datasets.fold(configured("data=iris", "data.folds=5", *overrides))
        for overrides in (("seed=1",), ("seed=2", "optimizer.lr=0.1"), ("data.fold=1",))
    )
    assert first is again
    assert (first.index, other.index) == (0, 1)
    exact = datasets.fold(configured("data=iris", "data.folds=5", "trainer.precision=64-true"))
    assert exact.splits is not first.splits


def test_folds_that_differ_by_a_row_are_divided(configured: Configured) -> None:
    """178 rows less 36 of test: in five folds of 28 and 29."""
    configs = [configured("data=wine", "data.folds=5", f"data.fold={fold}") for fold in range(5)]
    datasets = DatasetCache()
    stacks, single = split_by_data(configs, datasets)
    sizes = [{len(datasets.fold(configs[index]).splits.val) for index in indices} for indices in stacks]
    assert single == {}
    assert sorted(map(len, stacks)) == [2, 3]
    assert sorted(map(max, sizes)) == [28, 29]
    assert all(len(of_stack) == 1 for of_stack in sizes)


def test_a_fold_unlike_the_others_and_one_that_cannot_be_read_have_a_reason(
    configured: Configured, tmp_path: Path
) -> None:
    """Folds of ten streets have one size but different columns: the roof of a single street is no column where that
    street validates. A text where other rows have numbers is an error in the fold that validates with it."""
    lines = [f"{row % 10},{'straw' if row == 3 else 'tile'},{'wat' if row == 7 else row},{row}" for row in range(100)]
    (tmp_path / "t.csv").write_text("\n".join(["street,roof,size,price", *lines, ""]))
    table = ("data=csv", f"data.path={tmp_path / 't.csv'}", "data.target=price", "data.task=regression")
    configs = [
        configured(*table, "data.split=group", "data.group=street", "data.folds=4", f"data.fold={fold}")
        for fold in range(4)
    ]
    stacks, single = split_by_data(configs, DatasetCache())
    assert sorted([*single, *(index for indices in stacks for index in indices)]) == [0, 1, 2, 3]
    assert all("column size, row 9" in reason or "no other fold" in reason for reason in single.values())
    assert any("column size, row 9" in reason for reason in single.values())
