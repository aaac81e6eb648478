"""Shared by the tests of stacks: members from overrides, and the single run with which each is compared."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from lightning import Trainer

import mlplab
from mlplab.run.build import build
from mlplab.stack.assemble import assemble_members
from mlplab.stack.fit import StackedFit
from mlplab.stack.member import Member

Overrides = Sequence[str]
SMALL = ("data=iris", "model.hidden_features=[16,8]", "report.picture=false", "trainer.accelerator=cpu")
EXACT = (*SMALL, "trainer.precision=64-true", "trainer.max_epochs=20")


@pytest.fixture
def configured(tmp_path: Path) -> Callable[..., Any]:
    """configured("seed=1", ...) -> a configuration with its own run folder."""
    count = 0

    def make(*overrides: str) -> Any:
        nonlocal count
        count += 1
        return mlplab.configure(*overrides, f"run_dir={tmp_path / f'run{count}'}")

    return make


@pytest.fixture
def stacked(configured: Callable[..., Any]) -> Callable[..., list[Member]]:
    """stacked(base, [overrides of each member]) -> the members, trained as one stack."""

    def train(base: Overrides, per_member: Sequence[Overrides]) -> list[Member]:
        members = assemble_members([configured(*base, *overrides) for overrides in per_member])
        StackedFit(members, lambda *_: None).run()
        return members

    return train


@pytest.fixture
def single(configured: Callable[..., Any]) -> Callable[..., tuple[list[dict[str, float]], str]]:
    """single(*overrides) -> the history of the single run, and the error that ended it early."""

    def train(*overrides: str) -> tuple[list[dict[str, float]], str]:
        lab = build(configured(*overrides))
        failure = ""
        try:
            lab.trainer.fit(lab.learner, datamodule=lab.batches)
        except RuntimeError as error:
            failure = str(error)
        assert isinstance(lab.trainer, Trainer)
        return lab.history.rows, failure

    return train


def distance(left: Sequence[dict[str, float]], right: Sequence[dict[str, float]]) -> float:
    """The largest relative difference of two histories, except in their times."""
    assert len(left) == len(right)
    pairs = [(a[name], b[name]) for a, b in zip(left, right, strict=True) for name in a if name != "seconds"]
    return max(abs(a - b) / (1 + abs(a)) for a, b in pairs)
