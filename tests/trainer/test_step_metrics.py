"""running/*: loss, learning rate and gradient norm by step, compared with a loop written by hand."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import mlplab
from mlplab.run.build import build

Train = Callable[..., tuple[Path, dict[str, Any]]]
LR = 0.1
TINY = ("data=iris", "model.hidden_features=[8]", "optimizer=sgd", f"optimizer.lr={LR}", "trainer.max_epochs=4")
ACCUMULATED = "callback=[gradient_accumulation]"


def points(folder: Path, tag: str) -> dict[int, float]:
    """step -> value of a tag in this folder, not below it."""
    events = EventAccumulator(str(folder), size_guidance={"scalars": 0})
    events.Reload()
    return {event.step: event.value for event in events.Scalars(tag)} if tag in events.Tags()["scalars"] else {}


def by_hand(folder: Path, *overrides: str, accumulated: int = 1) -> tuple[list[float], list[float]]:
    """Loss of every batch and gradient norm of every update: plain SGD on the same weights, rows and order."""
    config = mlplab.configure(f"run_dir={folder / 'hand'}", "trainer.blocks=false", *overrides)
    lab = build(config)
    network, loader = lab.learner.network, lab.batches.train_dataloader()
    losses, norms = [], []
    for epoch in range(config.trainer.max_epochs):
        loader.set_epoch(epoch)
        for number, (features, target) in enumerate(loader, start=1):
            loss = torch.nn.functional.cross_entropy(network(features), target)
            losses.append(loss.item())
            (loss / accumulated).backward()
            if number % accumulated and number < len(loader):
                continue
            gradients = [parameter.grad for parameter in network.parameters() if parameter.grad is not None]
            norms.append(sum((gradient.double() ** 2).sum().item() for gradient in gradients) ** 0.5)
            for parameter, gradient in zip(network.parameters(), gradients, strict=True):
                parameter.data -= LR * gradient
                parameter.grad = None
    return losses, norms


def test_loss_gradient_norm_and_lr_of_each_interval_equal_those_of_a_loop(train: Train, tmp_path: Path) -> None:
    """12 steps, three per epoch, in intervals of 5: the second includes the end of an epoch, the last is not complete.

    The loss is the mean over the interval, the others are those of its last step.
    """
    run, _ = train(*TINY, "report.every_n_steps=5")
    losses, norms = by_hand(tmp_path, *TINY)
    assert len(losses) == len(norms) == 12
    board = run / "tensorboard"
    expected = {5: sum(losses[:5]) / 5, 10: sum(losses[5:10]) / 5}
    assert points(board, "running/loss") == pytest.approx(expected, rel=1e-5)
    assert points(board, "running/gradient_norm") == pytest.approx({5: norms[4], 10: norms[9]}, rel=1e-5)
    assert points(board, "running/lr") == pytest.approx({5: LR, 10: LR})
    for split in ("train", "val", "test"):
        assert points(board / split, "loss"), "the split's own curve is there"
        assert not points(board / split, "running/loss"), "the tags are in the root only"


def test_the_gradient_norm_is_of_the_gradient_before_clipping(train: Train) -> None:
    """A clipped one would be at most 1e-3, whatever the network does."""
    run, _ = train(*TINY, "report.every_n_steps=1", "trainer.gradient_clip_val=1e-3")
    norms = points(run / "tensorboard", "running/gradient_norm")
    assert len(norms) == 12
    assert min(norms.values()) > 0.01


@pytest.mark.parametrize(("interval", "steps"), [(1, list(range(1, 13))), (50, [])])
def test_there_is_a_point_every_n_steps(train: Train, interval: int, steps: list[int]) -> None:
    run, _ = train(*TINY, f"report.every_n_steps={interval}")
    for tag in ("running/loss", "running/lr", "running/gradient_norm"):
        assert list(points(run / "tensorboard", tag)) == steps


def test_a_step_is_an_update_if_batches_are_accumulated(train: Train, tmp_path: Path) -> None:
    """Three batches per epoch, two per update, the last alone: steps end with batches 2, 3, 5, 6, 8, 9, 11 and 12."""
    run, _ = train(*TINY, ACCUMULATED, "report.every_n_steps=3")
    losses, norms = by_hand(tmp_path, *TINY, accumulated=2)
    assert (len(losses), len(norms)) == (12, 8)
    shown = points(run / "tensorboard", "running/loss")
    assert shown == pytest.approx({3: sum(losses[:5]) / 5, 6: sum(losses[5:9]) / 4}, rel=1e-5)
    for value in shown.values():
        assert min(losses) <= value <= max(losses), "not divided by the number of accumulated batches"
    expected = {3: norms[2], 6: norms[5]}
    assert points(run / "tensorboard", "running/gradient_norm") == pytest.approx(expected, rel=1e-5)
