"""Fused mini-batches: several mini-batches of a small network as one batch of Lightning, whose loop is slower.

Each mini-batch still has its own forward pass, loss, gradient and optimizer step. Lightning sees the last mini-batch of
a fused batch; the updates before it are made here in the order of Lightning's loop: loss check, backward, running loss,
clipping, step, scheduler. Fitting falls back to the plain loop where anything else may depend on single mini-batches: a
callback, an overridden hook, another device or precision.

tests/trainer/test_batch_blocks.py compares weights, history, scores and TensorBoard tags with those of the plain loop
(trainer.blocks=false) bit for bit.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Any, cast

import torch
from lightning import Callback, Trainer
from lightning.pytorch.callbacks import GradientAccumulationScheduler, Timer
from torch import Tensor
from torch.optim import LBFGS, Optimizer

from mlplab.config.schema import TRAINER_KEYS
from mlplab.data.datamodule import InMemoryDataModule, TensorLoader
from mlplab.data.splits import Split
from mlplab.learner.learner import Learner
from mlplab.learner.lightning_internals import CURRENT_HOOK, callbacks_of, count_update, limit_log_interval
from mlplab.model.layers import InputScaler
from mlplab.model.network import Network
from mlplab.trainer.nan_guard import NaNGuard
from mlplab.trainer.step_metrics import StepMetrics
from mlplab.trainer.torch_internals import has_hooks

MAX_BATCHES = 64  # more is not faster
MAX_OPERATIONS = 5e9  # about 0.05 s of one core: a signal waits for the end of a fused batch
BATCH_HOOKS = (
    *("on_train_batch_start", "on_train_batch_end", "on_before_zero_grad"),
    *("on_before_backward", "on_after_backward", "on_before_optimizer_step"),
)
HANDLED_CALLBACKS = (NaNGuard, StepMetrics, Timer)  # called here for each mini-batch, or independent of them
OUTSIDE_UPDATE = {"forward", "decode", "metrics", "baseline", "choose", "learn_target"}  # a learner may override them


def fuse_batches(
    options: Mapping[str, Any], learner: Learner, batches: InMemoryDataModule, trainer: Trainer
) -> InMemoryDataModule:
    """Returns a data module of fused mini-batches and prepares the learner for it, or returns `batches` where they need
    the plain loop. options: the configuration group `trainer`."""
    parameters = sum(parameter.numel() for parameter in learner.parameters())
    # 2 operations per weight and row forward, 4 backward
    size = min(MAX_BATCHES, int(MAX_OPERATIONS / (6 * parameters * batches.batch_size)))
    if size < 2 or not options["blocks"] or _needs_plain_loop(options, learner, trainer):
        return batches
    callbacks: dict[type, Any] = {type(callback): callback for callback in callbacks_of(trainer)}
    kind = type(learner)
    learner.__class__ = type(kind.__name__, (FusedTraining, kind), {"__module__": kind.__module__})
    fused = cast(FusedTraining, learner)
    fused.guard, fused.running = callbacks[NaNGuard], callbacks[StepMetrics]
    fused.num_batches = len(batches.train_dataloader())
    blocks = FusedDataModule(batches, size)
    limit_log_interval(trainer, len(blocks.train_dataloader()))
    return blocks


class FusedBatch:
    """Rows of several mini-batches. sizes: rows of each.

    Not a dataclass, because Lightning traverses those.
    """

    def __init__(self, features: Tensor, target: Tensor, sizes: list[int]) -> None:
        self.features = features
        self.target = target
        self.sizes = sizes


class FusedLoader(TensorLoader):
    """Yields `size` batches of a TensorLoader at a time."""

    def __init__(self, part: Split, batch_size: int, shuffle_seed: int, size: int) -> None:
        super().__init__(part, batch_size, shuffle_seed)
        self.size = size

    def __len__(self) -> int:
        return math.ceil(len(self.bounds) / self.size)

    def __iter__(self) -> Iterator[Any]:
        return (FusedBatch(*block) for block in self.blocks(self.size))


class FusedDataModule(InMemoryDataModule):
    """The data module of a fit, with fused mini-batches of train."""

    def __init__(self, batches: InMemoryDataModule, size: int) -> None:
        super().__init__(batches.splits, batches.batch_size, batches.seed, batches.eval_batch_size)
        self.size = size

    def train_dataloader(self) -> FusedLoader:
        return FusedLoader(self.splits.train, self.batch_size, self.seed, self.size)


class FusedTraining(Learner):
    """Training step of a fused batch, mixed into the class of a learner.

    Features are scaled and targets encoded for the fused batch at once: both are elementwise, so the numbers are equal.
    """

    guard: NaNGuard
    running: StepMetrics
    num_batches: int  # per epoch

    def training_step(self, batch: Any, number: int) -> Tensor:
        if not isinstance(batch, FusedBatch):
            return super().training_step(batch, number)
        network: Any = self.network
        raw = zip(torch.split(batch.features, batch.sizes), torch.split(batch.target, batch.sizes), strict=True)
        inputs = torch.split(network.scale(batch.features), batch.sizes)
        targets = torch.split(self.encode(batch.target), batch.sizes)
        optimizer: Any = self.optimizers(use_pl_optimizer=False)
        losses = (self.loss(network.of_scaled(rows), target) for rows, target in zip(inputs, targets, strict=True))
        for count, (loss, mini_batch) in enumerate(zip(losses, raw, strict=True), start=1):
            self.guard.on_train_batch_start(self.trainer, self, mini_batch, number)
            if count < len(inputs):
                self._update(optimizer, loss, number)
        return loss

    def __setattr__(self, name: str, value: Any) -> None:
        """Skips the checks of nn.Module for an attribute that Lightning sets with each hook."""
        if name == CURRENT_HOOK:
            object.__setattr__(self, name, value)
        else:
            super().__setattr__(name, value)

    def total_steps(self) -> int:
        assert self.trainer.max_epochs is not None
        return self.trainer.max_epochs * self.num_batches

    def _update(self, optimizer: Optimizer, loss: Tensor, number: int) -> None:
        trainer = self.trainer
        self.guard.on_before_backward(trainer, self, loss)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self.running.on_before_optimizer_step(trainer, self, optimizer)
        if trainer.gradient_clip_val is not None:
            self.clip_gradients(optimizer, trainer.gradient_clip_val, trainer.gradient_clip_algorithm)
        optimizer.step()
        count_update(trainer)
        for scheduler in trainer.lr_scheduler_configs:
            if scheduler.interval == "step":
                scheduler.scheduler.step()  # type: ignore[call-arg]
        self.running.on_train_batch_end(trainer, self, {"loss": loss}, None, number)


def _needs_plain_loop(options: Mapping[str, Any], learner: Learner, trainer: Trainer) -> bool:
    """Returns whether something may depend on the mini-batches that Lightning sees; an unknown key of the Trainer
    may."""
    return (
        trainer.strategy.root_device.type != "cpu"
        or options["compile"]
        or options["precision"] != "32-true"
        or not set(options) <= TRAINER_KEYS
        or _customises_update(learner)
        or _customises_pass(learner.network)
        or any(map(_watches_batches, callbacks_of(trainer)))
    )


def _customises_update(learner: Learner) -> bool:
    """Returns whether a subclass or the learner itself overrides more than OUTSIDE_UPDATE, or the optimizer is not of
    torch.

    Another optimizer may evaluate a batch more than once, as LBFGS does.
    """
    classes = type(learner).__mro__
    base = next(kind for kind in classes if kind.__module__.startswith("mlplab."))
    defined = set(vars(learner)).union(*(vars(kind) for kind in classes if not issubclass(base, kind)))
    overridden = {name for name in defined - OUTSIDE_UPDATE if hasattr(base, name) and not name.startswith("__")}
    optimizer: Any = getattr(learner.make_optimizer, "func", learner.make_optimizer)
    is_foreign = not optimizer.__module__.startswith("torch.optim.") or optimizer is LBFGS
    return bool(overridden) or not learner.automatic_optimization or is_foreign


def _customises_pass(network: Any) -> bool:
    """Returns whether the forward pass is more than an elementwise scaling followed by `of_scaled`."""
    if getattr(network.forward, "__func__", None) is not Network.forward or type(network.scale) is not InputScaler:
        return True
    return has_hooks(network) or has_hooks(network.scale)


def _watches_batches(callback: Callback) -> bool:
    if type(callback) in HANDLED_CALLBACKS:
        return False
    overrides = any(getattr(type(callback), hook) is not getattr(Callback, hook) for hook in BATCH_HOOKS)
    return overrides or isinstance(callback, GradientAccumulationScheduler)
