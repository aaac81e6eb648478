"""A member's checkpoint has the counts of Lightning's loops that the checkpoint of its single run has."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from mlplab.run.build import build
from mlplab.stack.assemble import assemble_members
from tests.stack.conftest import SMALL


@pytest.mark.parametrize(
    "more", [(), ("trainer.blocks=false",), ("scheduler=cosine",), ("scheduler=one_cycle",), ("scheduler=plateau",)]
)
def test_the_counts_of_the_loops_are_lightnings(more: tuple[str, ...], configured: Callable[..., Any]) -> None:
    overrides = (*SMALL, "trainer.max_epochs=3", "data.num_train=70", *more)
    config = configured(*overrides)
    lab = build(config)
    lab.trainer.fit(lab.learner, datamodule=lab.batches)
    written = torch.load(f"{config.run_dir}/checkpoints/last.ckpt", weights_only=True)
    lab.overlay.close()
    member = assemble_members([configured(*overrides)])[0]
    member.set_up()
    member.trainer.current_epoch, member.trainer.global_step = 2, 9
    for callback in member.trainer.callbacks:  # their states are compared in test_member_files.py
        callback.state_dict = dict  # type: ignore[method-assign]
    checkpoint = member.trainer.dump_checkpoint()
    assert checkpoint["loops"] == written["loops"]
    assert set(checkpoint) == set(written)
    assert (checkpoint["epoch"], checkpoint["global_step"]) == (written["epoch"], written["global_step"])
