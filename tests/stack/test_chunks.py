"""As many members as fit into memory."""

import pytest

import mlplab
from mlplab.run.build import build_learner, build_splits
from mlplab.stack import train


def test_more_memory_takes_more_members_and_a_wider_net_takes_fewer(monkeypatch: pytest.MonkeyPatch) -> None:
    config = mlplab.configure("data=iris", "model.hidden_features=[64]")
    splits = build_splits(config)
    learner = build_learner(config, splits)
    monkeypatch.setattr(train, "available_memory", lambda: 10_000_000)
    few = train.max_members(learner, splits, 32)
    wide = build_learner(mlplab.configure("data=iris", "model.hidden_features=[256]"), splits)
    assert 1 <= train.max_members(wide, splits, 32) < few
    monkeypatch.setattr(train, "available_memory", lambda: 20_000_000)
    assert train.max_members(learner, splits, 32) == pytest.approx(2 * few, rel=0.05)
    monkeypatch.setattr(train, "available_memory", lambda: 0)
    assert train.max_members(learner, splits, 32) == 1


def test_what_is_free_is_less_than_what_there_is() -> None:
    assert 2**20 < train.available_memory() < 2**50


def test_each_fold_takes_room_for_its_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    config = mlplab.configure("data=digits")
    splits = build_splits(config)
    learner = build_learner(config, splits)
    monkeypatch.setattr(train, "available_memory", lambda: 2_000_000_000)
    one, hundred = (train.max_members(learner, splits, 32, folds) for folds in (1, 101))
    read = 1797 * 64 * 4  # all rows, once more a fold
    scaled = 64 * 4 * (1079 + 359 + 359)  # train, val, the measured slice
    assert (one - hundred) / one * 1_000_000_000 == pytest.approx(100 * (read + scaled), rel=0.05)
