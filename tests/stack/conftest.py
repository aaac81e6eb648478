"""What the tests of a stack share: members from overrides, and the single run that each is held against."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from lightning import Trainer

import mlplab
from mlplab.run.build import build
from mlplab.stack.fit import StackedFit
from mlplab.stack.member import Member
from mlplab.stack.train import assemble_members

Words = Sequence[str]
SMALL = ("data=iris", "model.hidden_features=[16,8]", "report.picture=false", "trainer.accelerator=cpu")
EXACT = (*SMALL, "trainer.precision=64-true", "trainer.max_epochs=20")


@pytest.fixture
def configured(tmp_path: Path) -> Callable[..., Any]:
    """configured("seed=1", ...) -> a configuration with a run folder of its own."""
    count = 0

    def make(*words: str) -> Any:
        nonlocal count
        count += 1
        return mlplab.configure(*words, f"run_dir={tmp_path / f'run{count}'}")

    return make


@pytest.fixture
def stacked(configured: Callable[..., Any]) -> Callable[..., list[Member]]:
    """stacked(base, [words of each member]) -> the members, trained as one."""

    def train(base: Words, own: Sequence[Words]) -> list[Member]:
        members = assemble_members([configured(*base, *words) for words in own])
        StackedFit(members, lambda *_: None).run()
        return members

    return train


@pytest.fixture
def single(configured: Callable[..., Any]) -> Callable[..., tuple[list[dict[str, float]], str]]:
    """single(*words) -> the history of the run by itself, and what ended it before its time."""

    def train(*words: str) -> tuple[list[dict[str, float]], str]:
        lab = build(configured(*words))
        failure = ""
        try:
            lab.trainer.fit(lab.learner, datamodule=lab.batches)
        except RuntimeError as error:
            failure = str(error)
        assert isinstance(lab.trainer, Trainer)
        return lab.history.rows, failure

    return train


def distance(left: Sequence[dict[str, float]], right: Sequence[dict[str, float]]) -> float:
    """The largest difference of two histories, in all but their times."""
    assert len(left) == len(right)
    pairs = [(a[name], b[name]) for a, b in zip(left, right, strict=True) for name in a if name != "seconds"]
    return max(abs(a - b) / (1 + abs(a)) for a, b in pairs)
