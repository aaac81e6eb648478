"""The files of a member, as its single run would have written them: history, curves, checkpoints."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch.optim import Optimizer

from mlplab.stack.member import EpochState, Member
from mlplab.stack.optimizer import optimizer_state
from mlplab.stack.weights import Snapshot, Weights, load_member
from mlplab.trainer.checkpoint import inference_state
from mlplab.trainer.step_metrics import StepMetrics
from mlplab.trainer.tensorboard import OverlayLogger


def write_member(member: Member, weights: Weights, safe: Snapshot, best: Snapshot, curves: bool = True) -> None:
    """safe, best: of this member alone, where its last epoch and its best ended. The learner is left with the last.

    curves: of a member that has ended; a run that goes on draws them anew from its history.
    """
    history, overlay = member.lab.history, member.lab.overlay
    if not member.rows:
        return
    history.path.parent.mkdir(parents=True, exist_ok=True)  # type: ignore[union-attr]
    history.go_on(member.rows)
    if curves:
        _curves(member, overlay)
    if member.mark is None or member.best is None:
        return
    learner, standing, checkpoints = member.lab.learner, member.standing, member.lab.checkpoints
    load_member(best, weights, learner.network)
    value, epoch = member.best
    standing.current_epoch, standing.global_step = epoch - 1, epoch * standing.updates
    held = {"value": value, "checkpoint": inference_state(standing, learner)}
    load_member(safe, weights, learner.network)
    standing.current_epoch, standing.global_step = member.mark.epoch, safe.steps
    _as_marked(member, member.mark, weights, safe)
    done = {"epochs": member.mark.epoch + 1, "step": safe.steps, "ended": _end(member)}
    checkpoints.load_state_dict({**done, "best": held})
    with torch.random.fork_rng(devices=[]):
        torch.set_rng_state(member.mark.random)
        checkpoints.write(standing)


def _as_marked(member: Member, mark: EpochState, weights: Weights, safe: Snapshot) -> None:
    optimizer: Optimizer = member.optimizer
    for group, rate in zip(optimizer.param_groups, mark.lr, strict=True):
        group["lr"] = rate
    pieces = {name: weights.singles(values[0]) for name, values in safe.state.items()}
    places = {id(one): place for place, one in enumerate(member.lab.learner.network.parameters())}
    for parameter in (one for group in optimizer.param_groups for one in group["params"]):
        at = places[id(parameter)]
        held = {name: values[at].clone(memory_format=torch.contiguous_format) for name, values in pieces.items()}
        if state := optimizer_state(optimizer, held, safe.steps, safe.products[0, 0].clone()):
            optimizer.state[parameter] = state
    member.standing.plan_state = mark.plan
    member.callback(StepMetrics).load_state_dict(mark.running)


def _end(member: Member) -> str | None:
    return "early_stopping" if member.standing.should_stop else None


def _curves(member: Member, overlay: OverlayLogger) -> None:
    """Events as the run would have logged them, at the times at which they came."""
    overlay.is_over()
    points = iter([*member.points, None])
    point = next(points)
    for row, clock in zip(member.rows, member.clocks, strict=True):
        while point is not None and point[0] <= row["step"]:
            overlay.log_metrics(point[1], point[0], point[2])
            point = next(points)
        scores = {name: value for name, value in row.items() if "/" in name}
        overlay.log_metrics(scores, int(row["epoch"]), clock)


log = logging.getLogger(__name__)


@contextmanager
def redirect_log(path: Path) -> Iterator[None]:
    """What is told meanwhile stands in that file, and not on the console."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    file = logging.FileHandler(path)
    root.handlers = [file]
    if level != logging.INFO:  # to set it makes all loggers forget what they know
        root.setLevel(logging.INFO)
    try:
        yield
    finally:
        root.handlers = handlers
        if level != logging.INFO:
            root.setLevel(level)
        file.close()


def log_epoch(member: Member) -> None:
    """A line an epoch."""
    last = member.config.trainer.max_epochs
    width = len(str(last))
    lines = [
        f"epoch {row['epoch']:>{width}}/{last}  loss train {row['loss/train']:.4f}  val {row['loss/val']:.4f}"
        for row in member.rows[1:]
    ]
    if lines:
        log.info("\n".join(lines))
