"""The files of a member, as its single run writes them: history, TensorBoard curves, checkpoints, train.log."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import torch
from lightning import Trainer

from mlplab.stack.member import EpochState, Member, MemberState
from mlplab.stack.optimizer import optimizer_state
from mlplab.stack.weights import Snapshot, Weights
from mlplab.trainer.checkpoint import inference_state
from mlplab.trainer.step_metrics import StepMetrics

log = logging.getLogger(__name__)


def write_member(state: MemberState, weights: Weights, curves: bool = True) -> None:
    """Writes history.csv, the checkpoints and TensorBoard's curves; the learner keeps the last weights.

    curves: False for a member that still trains; a resumed run draws its curves from the history.
    """
    member, last, best = state
    if not member.rows:
        return
    member.folder.mkdir(parents=True, exist_ok=True)
    member.components.history.resume(member.rows)
    if curves:
        _write_curves(member)
    if member.epoch_state is None or member.best is None:
        return
    learner, trainer, checkpoints = member.learner, member.trainer, member.components.checkpoints
    best.load_into(learner.network, weights)
    trainer.current_epoch, trainer.global_step = member.best.epoch - 1, member.best.epoch * trainer.updates
    best_checkpoint = {"value": member.best.value, "checkpoint": inference_state(cast(Trainer, trainer), learner)}
    last.load_into(learner.network, weights)
    trainer.current_epoch, trainer.global_step = member.epoch_state.epoch, last.steps
    _restore_epoch_state(member, member.epoch_state, weights, last)
    ended = "early_stopping" if trainer.should_stop else None
    done = {"epochs": member.epoch_state.epoch + 1, "step": last.steps, "ended": ended}
    checkpoints.load_state_dict({**done, "best": best_checkpoint})
    with torch.random.fork_rng(devices=[]):
        torch.set_rng_state(member.epoch_state.random)
        checkpoints.write(cast(Trainer, trainer))


def _restore_epoch_state(member: Member, epoch_state: EpochState, weights: Weights, last: Snapshot) -> None:
    """Puts optimizer, scheduler and StepMetrics into their state after the last complete epoch."""
    for group, lr in zip(member.optimizer.param_groups, epoch_state.lr, strict=True):
        group["lr"] = lr
    stacked = {name: weights.parameters_of(values[0]) for name, values in last.state.items()}
    places = {parameter: place for place, parameter in enumerate(member.learner.network.parameters())}
    for parameter in (parameter for group in member.optimizer.param_groups for parameter in group["params"]):
        place = places[parameter]
        own = {name: values[place].clone(memory_format=torch.contiguous_format) for name, values in stacked.items()}
        if state := optimizer_state(member.optimizer, own, last.steps, last.mu_products[0, 0].clone()):
            member.optimizer.state[parameter] = state
    member.trainer.scheduler_state = epoch_state.scheduler
    member.callback(StepMetrics).load_state_dict(epoch_state.step_metrics)


def _write_curves(member: Member) -> None:
    """Logs the events of the run at the times at which they happened."""
    overlay = member.components.overlay
    overlay.buffer_events()
    points = iter([*member.points, None])
    point = next(points)
    for row, time in zip(member.rows, member.row_times, strict=True):
        while point is not None and point.step <= row["step"]:
            overlay.log_metrics(point.values, point.step, point.time)
            point = next(points)
        scores = {name: value for name, value in row.items() if "/" in name}
        overlay.log_metrics(scores, int(row["epoch"]), time)


@contextmanager
def redirect_log(path: Path) -> Iterator[None]:
    """Sends log messages to this file instead of the console."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    file = logging.FileHandler(path)
    root.handlers = [file]
    if level != logging.INFO:  # setting a level clears the cache of every logger
        root.setLevel(logging.INFO)
    try:
        yield
    finally:
        root.handlers = handlers
        if level != logging.INFO:
            root.setLevel(level)
        file.close()


def log_epochs(member: Member) -> None:
    """Logs one line per epoch."""
    last = member.trainer.max_epochs
    width = len(str(last))
    lines = [
        f"epoch {row['epoch']:>{width}}/{last}  loss train {row['loss/train']:.4f}  val {row['loss/val']:.4f}"
        for row in member.rows[1:]
    ]
    if lines:
        log.info("\n".join(lines))
