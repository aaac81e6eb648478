"""What a checkpoint must hold beside what Lightning keeps; that runs go on bit for bit is tested in tests/door."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

Train = Callable[..., tuple[Path, dict[str, Any]]]
IRIS = ("data=iris", "trainer.max_epochs=3", "trainer.accelerator=cpu")


def kept(run: Path) -> dict[str, Any]:
    state: dict[str, Any] = torch.load(run / "checkpoints/last.ckpt", weights_only=True)["callbacks"]["ResumeState"]
    return state


def test_it_holds_random_states_the_place_in_the_epoch_and_the_monitored_score(train: Train) -> None:
    run, scores = train(*IRIS, "callback=gradient_accumulation")
    state = kept(run)
    assert state["random"].dtype == torch.uint8
    assert state["random_cuda"] is None
    assert state["batches"] == {"given": 0}, "the end of an epoch is the beginning of the next"
    assert state["accumulated"] == 2
    assert state["monitored"] == pytest.approx(scores["loss/val"]), "the last epoch is meant to be the best"


def test_the_random_state_is_that_of_the_generator_after_the_last_draw(train: Train) -> None:
    with_dropout, _ = train(*IRIS, "model.dropout=0.5")
    without, _ = train(*IRIS)
    assert not torch.equal(kept(with_dropout)["random"], kept(without)["random"])
