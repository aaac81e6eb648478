"""last.ckpt and best.ckpt of a member hold what those of its single run hold."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from mlplab.run.build import build
from mlplab.stack.fit import StackedFit
from mlplab.stack.member_files import write_member
from mlplab.stack.train import assemble_members
from mlplab.trainer.history import read_history
from tests.stack.conftest import SMALL, distance

CASES: list[Sequence[str]] = [
    (),
    ("optimizer=nadam", "scheduler=one_cycle", "model.dropout=0.2"),
    ("optimizer=sgd", "scheduler=plateau", "scheduler.patience=0", "model.normalisation=batch"),
    ("optimizer=adamw", "scheduler=cosine", "trainer.precision=64-true"),
    ("optimizer=rmsprop", "scheduler=warmup_cosine", "trainer.blocks=false"),
    ("optimizer=momentum", "optimizer.lr=2.0", "callback=early_stopping", "callback.early_stopping.patience=1"),
    ("optimizer=adagrad", "data=moons"),
    ("optimizer=adamax", "data=sine"),
]


def differences(left: Any, right: Any, key: str = "") -> list[str]:
    """Keys whose values are not alike; of tensors, whose numbers are not close."""
    if isinstance(left, dict) and isinstance(right, dict):
        named = [] if list(left) == list(right) else [f"{key}: {list(left)} against {list(right)}"]
        return named + [
            one for name in left if name in right for one in differences(left[name], right[name], f"{key}.{name}")
        ]
    if isinstance(left, list | tuple) and isinstance(right, list | tuple) and len(left) == len(right):
        return [
            one
            for place, pair in enumerate(zip(left, right, strict=True))
            for one in differences(*pair, f"{key}[{place}]")
        ]
    if isinstance(left, torch.Tensor) and isinstance(right, torch.Tensor):
        form = [(one.dtype, one.shape, one.stride()) for one in (left, right)]
        close = form[0] == form[1] and torch.allclose(left.double(), right.double(), rtol=1e-4, atol=1e-5)
        return [] if close else [f"{key}: {form[0]} against {form[1]}"]
    alike = left == pytest.approx(right, rel=1e-4) if isinstance(left, float) else left == right
    return [] if alike else [f"{key}: {left!r} against {right!r}"]


@pytest.mark.parametrize(
    "more", [*CASES[:2], *(pytest.param(one, marks=pytest.mark.slow) for one in CASES[2:])], ids=" ".join
)
def test_checkpoints_are_those_of_the_single_run(more: Sequence[str], configured: Callable[..., Any]) -> None:
    base = (*SMALL, "trainer.max_epochs=4", "report.every_n_steps=4", *more)
    own = [(*base, "seed=1"), (*base, "seed=2")]
    configs = [configured(*words) for words in own]
    members = assemble_members(configs)

    def end(weights: Any, ended: Any) -> None:
        for member, safe, best in ended:
            write_member(member, weights, safe, best)
            member.lab.overlay.close()

    StackedFit(members, end).run()
    for config, words in zip(configs, own, strict=True):
        run, alone = Path(config.run_dir), configured(*words)
        lab = build(alone)
        lab.trainer.fit(lab.learner, datamodule=lab.batches)
        lab.overlay.close()
        for name in ("last.ckpt", "best.ckpt"):
            mine, theirs = (
                torch.load(Path(folder, "checkpoints", name), weights_only=True) for folder in (run, alone.run_dir)
            )
            for held in (
                mine,
                theirs,
                *(
                    one["callbacks"]["BestAndLastCheckpoint"]["best"]["checkpoint"]
                    for one in (mine, theirs)
                    if "callbacks" in one
                ),
            ):
                for key in ("run_dir", "sweep"):
                    held["hyper_parameters"]["config"].pop(key, None)
            assert differences(theirs, mine) == []
        assert distance(read_history(run / "history.csv"), read_history(Path(alone.run_dir, "history.csv"))) < 1e-4


def test_of_a_member_that_failed_before_its_first_epoch_ended_there_is_its_history(
    configured: Callable[..., Any],
) -> None:
    configs = [configured(*SMALL, "data=sine", "optimizer=sgd", f"optimizer.lr={lr}") for lr in (1e30, 1e29)]
    members = assemble_members(configs)
    StackedFit(members, lambda weights, ended: [write_member(one[0], weights, *one[1:]) for one in ended]).run()  # type: ignore[func-returns-value,arg-type]
    for config, member in zip(configs, members, strict=True):
        member.lab.overlay.close()
        assert member.failure
        assert len(read_history(Path(config.run_dir, "history.csv"))) == 1
        assert not Path(config.run_dir, "checkpoints").exists()
