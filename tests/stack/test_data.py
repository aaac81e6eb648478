"""Rows of a member are those of its own fold, scaled and encoded as its single run does it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from mlplab.data.datamodule import TensorLoader
from mlplab.stack.data import StackedData
from mlplab.stack.member import Member
from mlplab.stack.train import assemble_members
from tests.stack.conftest import SMALL

Configured = Callable[..., Any]


def made(configured: Configured, *words: str) -> list[Member]:
    return assemble_members([configured(*SMALL, *own.split()) for own in words])


def loaders(members: list[Member]) -> list[TensorLoader]:
    return [TensorLoader(one.lab.splits.train, 32, one.config.seed) for one in members]


@pytest.mark.parametrize("data", ["data=iris", "data=diabetes"])
def test_a_member_gets_the_rows_of_its_fold_in_its_own_order(configured: Configured, data: str) -> None:
    base = f"{data} data.folds=2 data.test_fraction=0.2"
    members = made(configured, *(f"{base} data.fold={fold} seed={seed}" for fold, seed in ((0, 1), (1, 1), (0, 2))))
    rows, given = StackedData(members), loaders(members)
    assert len(rows.measured) == 2, "two folds, three members"
    order = rows.order(given)
    features, target = rows.batch(order[:, :10])
    for place, (member, loader) in enumerate(zip(members, given, strict=True)):
        learner: Any = member.lab.learner
        train, own = member.lab.splits.train, loader.order()
        assert own is not None
        raw, its = train.features[own[:10]], train.target[own[:10]]
        assert torch.equal(features[place], learner.network.scale(raw))
        assert torch.equal(target[place], learner.encode(its))
        assert all(map(torch.equal, rows.raw(member, order[place, :10]), (raw, its)))
        measured = rows.by_member(rows.measured)[place]
        assert torch.equal(measured[: rows.num_val], learner.network.scale(member.lab.splits.val.features))
        assert torch.equal(measured[rows.num_val :], learner.network.scale(member.lab.splits.measured.features))
        assert torch.equal(rows.by_member(rows.val)[place], member.lab.splits.val.target)
        assert torch.equal(rows.by_member(rows.train)[place], member.lab.splits.measured.target)


def test_members_that_go_on_keep_their_folds(configured: Configured) -> None:
    members = made(configured, *(f"data.folds=2 data.fold={fold} seed={fold}" for fold in (0, 1, 1)))
    rows = StackedData(members)
    rows.only(torch.tensor([2]))
    assert rows.order(loaders(members)[2:]).min() == rows.count
    assert torch.equal(rows.by_member(rows.val)[0], members[1].lab.splits.val.target)


def test_what_all_share_is_held_once_and_nothing_is_gathered(configured: Configured) -> None:
    members = made(configured, "seed=1", "seed=2")
    rows = StackedData(members)
    assert rows.by_member(rows.measured) is rows.measured
    assert rows.measured.shape[0] == 1
    assert rows.inputs.shape == members[0].lab.splits.train.features.shape
    assert rows.order(loaders(members)).max() == rows.count - 1


def test_pixels_are_scaled_batch_by_batch(configured: Configured, tmp_path: Path) -> None:
    """As whole numbers they take a fourth of the memory."""
    numbers = np.random.default_rng(0)
    for kind in ("cat", "dog"):
        (tmp_path / kind).mkdir()
        for place in range(20):
            Image.fromarray(numbers.integers(0, 256, (4, 4), np.uint8)).save(tmp_path / kind / f"{place}.png")
    words = f"data=image_folder data.root={tmp_path} data.size=[4,4]"
    members = made(configured, f"{words} seed=1", f"{words} seed=2")
    rows, given = StackedData(members), loaders(members)
    assert rows.inputs.dtype == torch.uint8
    features, _ = rows.batch(rows.order(given)[:, :10])
    for place, (member, loader) in enumerate(zip(members, given, strict=True)):
        own: Any = loader.order()
        learner: Any = member.lab.learner
        assert torch.equal(features[place], learner.network.scale(member.lab.splits.train.features[own[:10]]))
