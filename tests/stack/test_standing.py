"""The counts of Lightning's loops, as a checkpoint of a single run has them."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from mlplab.run.build import build
from mlplab.stack.train import assemble_members
from tests.stack.conftest import SMALL


@pytest.mark.parametrize(
    "more", [(), ("trainer.blocks=false",), ("scheduler=cosine",), ("scheduler=one_cycle",), ("scheduler=plateau",)]
)
def test_loops_are_counted_as_lightning_counts_them(more: tuple[str, ...], configured: Callable[..., Any]) -> None:
    words = (*SMALL, "trainer.max_epochs=3", "data.num_train=70", *more)
    config = configured(*words)
    lab = build(config)
    lab.trainer.fit(lab.learner, datamodule=lab.batches)
    written = torch.load(f"{config.run_dir}/checkpoints/last.ckpt", weights_only=True)
    lab.overlay.close()
    member = assemble_members([configured(*words)])[0]
    member.begin()
    member.standing.current_epoch, member.standing.global_step = 2, 9
    for callback in member.standing.callbacks:  # what they keep is not looked at here
        callback.state_dict = dict  # type: ignore[method-assign]
    held = member.standing.checkpoint()
    assert held["loops"] == written["loops"]
    assert set(held) == set(written)
    assert (held["epoch"], held["global_step"]) == (written["epoch"], written["global_step"])
