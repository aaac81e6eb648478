"""A compiled network: the numbers of the plain one, checkpoints that anyone can load, and what it cost."""

import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import mlplab
from mlplab.run.build import build

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler"),
    pytest.mark.filterwarnings("ignore"),  # the compiler's own
]
TINY = ("data=iris", "model.hidden_features=[8]", "trainer.max_epochs=2", "trainer.accelerator=cpu")


def test_a_compiled_run_learns_as_the_plain_one_and_its_checkpoint_is_a_plain_one(
    train: Callable[..., tuple[Path, dict[str, Any]]], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    choices = (*TINY, "model.dropout=0.2", "model.normalisation=batch")
    _, plain = train(*TINY)
    with caplog.at_level(logging.INFO):
        run, scores = train(*TINY, "trainer.compile=true")
        assert "s before the first step (trainer.compile=true)" in caplog.text
    assert scores["loss/val"] == pytest.approx(plain["loss/val"], rel=1e-4)
    state = torch.load(run / "checkpoints" / "best.ckpt", weights_only=True)["state_dict"]
    untouched = build(mlplab.configure(*TINY, f"run_dir={tmp_path / 'other'}")).learner
    untouched.load_state_dict(state)
    # the batch that goes through the compiler moves no statistic and no draw
    compiled, other = (
        build(mlplab.configure(*choices, f"trainer.compile={name}", f"run_dir={tmp_path / name}"))
        for name in ("true", "false")
    )
    ours, theirs = compiled.learner.state_dict(), other.learner.state_dict()
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
