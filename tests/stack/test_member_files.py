"""A member's checkpoints hold what those of its single run hold, and its log is in its own file."""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from mlplab.run.build import build
from mlplab.stack.assemble import assemble_members
from mlplab.stack.fit import StackedFit
from mlplab.stack.member_files import log_epochs, redirect_log, write_member
from mlplab.trainer.history_file import read_history
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
    """The keys whose values differ; tensors may differ by rounding."""
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
def test_checkpoints_equal_those_of_the_single_run(more: Sequence[str], configured: Callable[..., Any]) -> None:
    base = (*SMALL, "trainer.max_epochs=4", "report.every_n_steps=4", *more)
    own = [(*base, "seed=1"), (*base, "seed=2")]
    configs = [configured(*overrides) for overrides in own]
    members = assemble_members(configs)

    def end(weights: Any, ended: Any) -> None:
        for state in ended:
            write_member(state, weights)
            state.member.components.overlay.close()

    StackedFit(members, end).run()
    for config, overrides in zip(configs, own, strict=True):
        run, alone = Path(config.run_dir), configured(*overrides)
        lab = build(alone)
        lab.trainer.fit(lab.learner, datamodule=lab.batches)
        lab.overlay.close()
        for name in ("last.ckpt", "best.ckpt"):
            mine, theirs = (
                torch.load(Path(folder, "checkpoints", name), weights_only=True) for folder in (run, alone.run_dir)
            )
            for checkpoint in (mine, theirs):
                states = checkpoint.get("callbacks", {}).values()
                for part in (checkpoint, *(state["best"]["checkpoint"] for state in states if "best" in state)):
                    for key in ("run_dir", "sweep"):
                        part["hyper_parameters"]["config"].pop(key, None)
            assert differences(theirs, mine) == []
        assert distance(read_history(run / "history.csv"), read_history(Path(alone.run_dir, "history.csv"))) < 1e-4


def test_a_member_that_failed_in_its_first_epoch_has_a_history_and_no_checkpoint(
    configured: Callable[..., Any],
) -> None:
    configs = [configured(*SMALL, "data=sine", "optimizer=sgd", f"optimizer.lr={lr}") for lr in (1e30, 1e29)]
    members = assemble_members(configs)

    def end(weights: Any, ended: Any) -> None:
        for state in ended:
            write_member(state, weights)

    StackedFit(members, end).run()
    for config, member in zip(configs, members, strict=True):
        member.components.overlay.close()
        assert member.failure
        assert len(read_history(Path(config.run_dir, "history.csv"))) == 1
        assert not Path(config.run_dir, "checkpoints").exists()


@pytest.mark.parametrize("level", [logging.WARNING, logging.INFO])
def test_messages_are_redirected_to_the_file_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, level: int
) -> None:
    root, other = logging.getLogger(), logging.StreamHandler()
    monkeypatch.setattr(root, "handlers", [other])
    before = root.level
    root.setLevel(level)
    try:
        with redirect_log(tmp_path / "train.log"):
            logging.getLogger("mlplab.some").info("message")
        assert (tmp_path / "train.log").read_text() == "message\n"
        assert (root.handlers, root.level) == ([other], level)
    finally:
        root.setLevel(before)
    assert capsys.readouterr().err == ""


def test_the_log_has_one_line_per_epoch(tmp_path: Path, stacked: Callable[..., list[Any]]) -> None:
    member = stacked([*SMALL, "trainer.max_epochs=10"], [["seed=0"], ["seed=1"]])[0]
    with redirect_log(tmp_path / "train.log"):
        log_epochs(member)
    lines = (tmp_path / "train.log").read_text().splitlines()
    assert len(lines) == 10
    row = member.rows[3]
    assert lines[2] == f"epoch  3/10  loss train {row['loss/train']:.4f}  val {row['loss/val']:.4f}"
