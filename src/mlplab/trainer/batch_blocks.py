"""Several mini-batches as one batch of Lightning's, whose loop costs more than a step of a small net.

The plain automatic loop is the reference: `trainer.blocks=false` takes it, and gives the same weights, history, scores
and running tags, bit for bit. Lightning sees the last mini-batch of a block; the updates before it are made here as it
makes them: guard, backward, running loss, clipping, step, scheduler.
"""

import math
from collections.abc import Iterator
from typing import Any

import torch
from lightning import Callback, Trainer
from lightning.pytorch.callbacks import GradientAccumulationScheduler, Timer
from omegaconf import DictConfig
from torch import Tensor
from torch.optim import LBFGS, Optimizer

from mlplab.config.schema import TRAINER_KEYS
from mlplab.data.datamodule import InMemoryDataModule, TensorLoader
from mlplab.data.splits import Split
from mlplab.learner.learner import Learner
from mlplab.model.layers import InputScaler
from mlplab.model.network import Network
from mlplab.trainer.nan_guard import NaNGuard
from mlplab.trainer.step_metrics import StepMetrics

MAX_BATCHES = 64  # mini-batches: beyond it nothing is gained
MAX_OPERATIONS = 5e9  # operations, some 0.05 s of one core: a block is not interrupted
HOOKS = (
    *("on_train_batch_start", "on_train_batch_end", "on_before_zero_grad"),
    *("on_before_backward", "on_after_backward", "on_before_optimizer_step"),
)
HANDLED_CALLBACKS = (NaNGuard, StepMetrics, Timer)  # callbacks whose hooks are called here, or need no mini-batch
MODULE_HOOKS = ("forward_pre_hooks", "forward_hooks", "backward_pre_hooks", "backward_hooks")
OUTSIDE_UPDATE = {
    "forward",
    "decode",
    "metrics",
    "baseline",
    "choose",
    "learn_target",
}  # of a learner: no part of an update


class FusedBatch:
    """Of a class that Lightning does not look into, as it does into dataclasses. sizes: rows of each mini-batch."""

    def __init__(self, features: Tensor, target: Tensor, sizes: list[int]) -> None:
        self.features = features
        self.target = target
        self.sizes = sizes


class FusedLoader:
    """The batches of a loader, `size` at a time, from wherever it begins."""

    def __init__(self, loader: TensorLoader, size: int) -> None:
        self.loader = loader
        self.size = size
        self.sampler = loader
        self.batch_sampler = None

    @property
    def part(self) -> Split:
        return self.loader.part

    def __len__(self) -> int:
        return math.ceil(len(self.loader) / self.size)

    def state_dict(self) -> dict[str, int]:
        return self.loader.state_dict()

    def load_state_dict(self, state: dict[str, int]) -> None:
        self.loader.load_state_dict(state)

    def __iter__(self) -> Iterator[FusedBatch]:
        return (FusedBatch(*block) for block in self.loader.blocks(self.size))


class FusedDataModule(InMemoryDataModule):
    def __init__(self, batches: InMemoryDataModule, size: int) -> None:
        super().__init__(batches.splits, batches.batch_size, batches.seed, batches.eval_batch_size)
        self.size = size

    def train_dataloader(self) -> Any:
        return FusedLoader(super().train_dataloader(), self.size)


class FusedTraining(Learner):
    """Stands before a learner's own class. Features are scaled and targets encoded a block at once: element by element,
    so that the numbers are the same."""

    guard: NaNGuard
    running: StepMetrics
    num_batches: int  # of an epoch

    def training_step(self, batch: Any, number: int) -> Tensor:
        if not isinstance(batch, FusedBatch):
            return super().training_step(batch, number)
        network: Any = self.network
        raw = zip(torch.split(batch.features, batch.sizes), torch.split(batch.target, batch.sizes), strict=True)
        inputs = torch.split(network.scale(batch.features), batch.sizes)
        targets = torch.split(self.encode(batch.target), batch.sizes)
        optimizer: Any = self.optimizers(use_pl_optimizer=False)
        losses = (self.loss(network.of_scaled(one), target) for one, target in zip(inputs, targets, strict=True))
        for count, (loss, mini_batch) in enumerate(zip(losses, raw, strict=True), start=1):
            self.guard.on_train_batch_start(self.trainer, self, mini_batch, number)
            if count < len(inputs):
                self._update(optimizer, loss, number)
        return loss

    def __setattr__(self, name: str, value: Any) -> None:
        """Lightning notes the name of each hook that it calls, and a Module looks whether it is a parameter."""
        if name == "_current_fx_name":
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
        progress = trainer.fit_loop.epoch_loop.automatic_optimization.optim_progress.optimizer.step
        progress.increment_ready()
        progress.increment_completed()  # which is trainer.global_step
        for scheduler in trainer.lr_scheduler_configs:
            if scheduler.interval == "step":
                scheduler.scheduler.step()  # type: ignore[call-arg]
        self.running.on_train_batch_end(trainer, self, {"loss": loss}, None, number)


def fuse_batches(
    config: DictConfig, learner: Learner, batches: InMemoryDataModule, trainer: Trainer
) -> InMemoryDataModule:
    """The batches to fit: blocks, with the learner made ready for them, where nothing on board needs the plain loop."""
    parameters = sum(parameter.numel() for parameter in learner.parameters())
    size = min(
        MAX_BATCHES, int(MAX_OPERATIONS / (6 * parameters * batches.batch_size))
    )  # forward, and twice that backward
    if size < 2 or not config.trainer.blocks or _needs_plain_loop(config, learner, trainer):
        return batches
    callbacks = {type(callback): callback for callback in trainer.callbacks}  # type: ignore[attr-defined]
    kind = type(learner)
    ready: Any = learner
    ready.__class__ = type(kind.__name__, (FusedTraining, kind), {"__module__": kind.__module__})
    ready.guard, ready.running = callbacks[NaNGuard], callbacks[StepMetrics]
    ready.num_batches = len(batches.train_dataloader())
    blocks = FusedDataModule(batches, size)
    trainer.log_every_n_steps = min(trainer.log_every_n_steps, len(blocks.train_dataloader()))  # type: ignore[attr-defined]
    return blocks


def _needs_plain_loop(config: DictConfig, learner: Learner, trainer: Trainer) -> bool:
    """What else the Trainer is told may count Lightning's batches."""
    return (
        trainer.strategy.root_device.type != "cpu"
        or config.trainer.compile
        or config.trainer.precision != "32-true"
        or not set(config.trainer) <= TRAINER_KEYS
        or _updates_its_own_way(learner)
        or _has_its_own_pass(learner.network)
        or any(map(_takes_batches, trainer.callbacks))  # type: ignore[attr-defined]
    )


def _updates_its_own_way(learner: Learner) -> bool:
    """Whether the learner has another in place of anything, but for APART, that it inherits from the lab's or from
    Lightning. An optimizer from elsewhere may, as LBFGS does, evaluate a batch many times."""
    kinds = type(learner).__mro__
    ours = next(kind for kind in kinds if kind.__module__.startswith("mlplab."))
    own = set(vars(learner)).union(*(vars(kind) for kind in kinds if not issubclass(ours, kind)))
    changed = {name for name in own - OUTSIDE_UPDATE if hasattr(ours, name) and not name.startswith("__")}
    optimizer: Any = getattr(learner.make_optimizer, "func", learner.make_optimizer)
    theirs = not optimizer.__module__.startswith("torch.optim.") or optimizer is LBFGS
    return bool(changed) or not learner.automatic_optimization or theirs


def _has_its_own_pass(network: Any) -> bool:
    """Whether more is done, or something else, than scaling row by row and then `of_scaled`."""
    hooks = [getattr(one, f"_{name}") for one in (network, network.scale) for name in MODULE_HOOKS]
    own = getattr(network.forward, "__func__", None) is not Network.forward or type(network.scale) is not InputScaler
    return own or any(hooks)


def _takes_batches(callback: Callback) -> bool:
    if type(callback) in HANDLED_CALLBACKS:
        return False
    own = any(getattr(type(callback), hook) is not getattr(Callback, hook) for hook in HOOKS)
    return own or isinstance(callback, GradientAccumulationScheduler)
