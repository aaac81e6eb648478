"""A missing device or precision is rejected and not replaced; a compiled network gives the scores of a plain one."""

import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import mlplab
from mlplab.errors import UserError
from mlplab.run.build import build
from mlplab.trainer.device import check_device


@pytest.fixture(params=["cpu", "cuda", "mps"])
def machine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Simulates what torch reports on each kind of machine."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: request.param == "cuda")
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: request.param == "mps")
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: True)
    return str(request.param)


def test_a_missing_device_is_rejected(machine: str) -> None:
    available = {"cpu": {"auto", "cpu"}, "cuda": {"auto", "cpu", "gpu", "cuda"}, "mps": {"auto", "cpu", "gpu", "mps"}}
    for accelerator in ("auto", "cpu", "gpu", "cuda", "mps"):
        if accelerator in available[machine]:
            check_device(accelerator, "32-true")
        else:
            with pytest.raises(UserError, match=rf"trainer\.accelerator={accelerator}: there is no such device here"):
                check_device(accelerator, "32-true")


def test_a_precision_that_the_device_does_not_support_is_rejected(machine: str) -> None:
    for precision in ("32-true", "bf16-mixed"):
        check_device("auto", precision)
    with pytest.raises(UserError, match=r"trainer\.precision=16-mixed: a CPU does not support it; use bf16-mixed"):
        check_device("cpu", "16-mixed")
    check_device("cpu", "64-true")
    unsupported = {"cpu": "16-mixed", "mps": "64-true"}.get(machine)
    if unsupported:
        with pytest.raises(UserError, match=rf"trainer\.precision={unsupported}"):
            check_device("auto", unsupported)


TINY = ("data=iris", "model.hidden_features=[8]", "trainer.max_epochs=2", "trainer.accelerator=cpu")


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler")
@pytest.mark.filterwarnings("ignore")  # of the compiler
def test_a_compiled_run_has_the_scores_of_a_plain_one_and_a_plain_checkpoint(
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
    # the batch that starts the compiler changes no statistic and no random state
    compiled, other = (
        build(mlplab.configure(*choices, f"trainer.compile={name}", f"run_dir={tmp_path / name}"))
        for name in ("true", "false")
    )
    ours, theirs = compiled.learner.state_dict(), other.learner.state_dict()
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
