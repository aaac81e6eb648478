"""Trains K members as one: one batched product per layer and one optimizer step for all, each with its own numbers."""

import math
import time
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from mlplab.data.datamodule import TensorLoader
from mlplab.errors import RunError
from mlplab.signals import defer_signals
from mlplab.stack.data import StackedData
from mlplab.stack.losses import stacked_loss
from mlplab.stack.member import Member, MemberState
from mlplab.stack.metrics import compute_metrics, stacked_outputs
from mlplab.stack.network import StackedNetwork
from mlplab.stack.optimizer import StackedOptimizer
from mlplab.stack.step_metrics import StackedStepMetrics
from mlplab.stack.weights import Snapshot, Weights
from mlplab.trainer.step_metrics import StepMetrics

OnEnd = Callable[[Weights, Sequence[MemberState]], None]
AfterEpoch = Callable[["StackedFit", int], None]


class StackedFit:
    """members: alike, as `group_jobs` and `split_by_data` sort them; those that end or fail leave the list.

    on_end: called once for each member, whether it ended, failed or was interrupted. after_epoch: called with this
    object and the number of complete epochs.
    """

    def __init__(self, members: Sequence[Member], on_end: OnEnd, after_epoch: AfterEpoch = lambda *_: None) -> None:
        first = members[0]
        self.members = list(members)
        self.on_end, self.after_epoch = on_end, after_epoch
        self.max_epochs = first.components.settings.max_epochs
        self.clip = first.components.trainer.gradient_clip_val
        self.time_fraction = 1 / len(members)
        self.started = time.perf_counter()
        self.data = StackedData(members)
        batch_size = first.components.settings.batch_size
        self.loaders = [
            TensorLoader(member.splits.train, batch_size, member.components.settings.seed) for member in members
        ]
        self.step_metrics = StackedStepMetrics(first.callback(StepMetrics).interval)
        for member in members:
            member.set_up()
        self._build()
        self.last = self._snapshot().clone()
        self.best = self._snapshot().clone()

    def run(self) -> None:
        """Trains to the last epoch. After an exception too, `on_end` gets each member with its last complete epoch."""
        try:
            self._measure()
            for epoch in range(self.max_epochs):
                self._train(epoch)
                with defer_signals():  # so that a member's files are of one epoch
                    self._measure()
                    self._end_epoch(last=epoch + 1 == self.max_epochs)
                self.after_epoch(self, epoch + 1)
        finally:
            self._remove(range(len(self.members)))

    def states(self) -> list[MemberState]:
        """Returns the members that still train."""
        return [self._state(index) for index in range(len(self.members))]

    def _build(self) -> None:
        """Stacks what the members train with; repeated when members leave."""
        self.learners = [member.learner for member in self.members]
        networks = [learner.network for learner in self.learners]
        self.weights = Weights(networks)
        self.network = StackedNetwork(networks, self.weights, [member.generator for member in self.members])
        self.loss = stacked_loss([learner.loss for learner in self.learners])
        self.optimizer = StackedOptimizer([member.optimizer for member in self.members], networks, self.weights.flat)
        self.rates = [member.lr for member in self.members]
        scheduler = self.members[0].trainer.scheduler_config
        self.steps_scheduler_per_update = scheduler is not None and scheduler.interval == "step"

    def _snapshot(self) -> Snapshot:
        """Returns the state of all members, sharing memory with it."""
        optimizer = self.optimizer
        return Snapshot(
            self.weights.flat, self.network.buffers, optimizer.state, optimizer.mu_products, optimizer.steps
        )

    def _train(self, epoch: int) -> None:
        for member, loader in zip(self.members, self.loaders, strict=True):
            member.trainer.current_epoch = epoch
            member.trainer.sanity_checking = False
            loader.set_epoch(epoch)
        if not self.members:
            return
        orders = self.data.order(self.loaders)
        for start, stop in self.loaders[0].bounds:
            if failed := self._update(orders[:, start:stop]):
                self._remove(failed)
                if not self.members:
                    return
                orders = self.data.order(self.loaders)
        self.step_metrics.end_epoch(self.members)
        for member in self.members:
            member.trainer.global_step = self.optimizer.steps
            member.step_scheduler("epoch")
        self._update_rates()

    def _update(self, rows: Tensor) -> list[int]:
        """rows: indices (K, B). Returns the indices of members whose loss is not finite, which have to be removed."""
        features, target = self.data.batch(rows)
        losses = self.loss(self.network(features, True), target)
        total, failed = losses.sum(), []
        if not math.isfinite(total.item()):
            failed = [index for index, loss in enumerate(losses.tolist()) if not math.isfinite(loss)]
            for index in failed:
                member = self.members[index]
                member.trainer.global_step = self.optimizer.steps
                self._load_network(index)
                member.fail(losses[index].detach(), self.data.raw_batch(member, rows[index]))
            total = losses[[index for index in range(len(losses)) if index not in failed]].sum()
        self._step(self.weights.gradients(total), losses.detach())
        if self.steps_scheduler_per_update:
            for member in self.members:
                member.step_scheduler("step")
            self._update_rates()
        return failed

    def _step(self, gradients: list[Tensor], losses: Tensor) -> None:
        clip, needs_norm = self.clip, self.step_metrics.needs_norm
        if clip is None and not needs_norm and self.optimizer.can_step_per_parameter:
            self.step_metrics.add(losses, None, self.rates)
            self.optimizer.step_per_parameter(gradients)
            return
        gradient = self.weights.concatenate(gradients)
        norms = gradient.norm(dim=1) if clip is not None or needs_norm else None
        self.step_metrics.add(losses, norms if needs_norm else None, self.rates)
        if clip is not None and norms is not None:
            gradient.mul_((clip / (norms + 1e-6)).clamp(max=1.0)[:, None])
        self.optimizer.step(gradient)

    def _load_network(self, index: int) -> None:
        """Copies the current weights of a member into its own network, where its NaNGuard looks for the cause."""
        self._snapshot().select([index]).load_into(self.learners[index].network, self.weights)

    def _update_rates(self) -> None:
        rates = [member.lr for member in self.members]
        if rates != self.rates:
            self.rates = rates
            self.optimizer.set_learning_rates(rates)

    def _measure(self) -> None:
        """Adds a row to the history of each member; removes those whose loss is not finite."""
        if not self.members:
            return
        rows, count = self.data.evaluated, self.data.num_val
        target = rows.per_member(rows.target)
        with torch.no_grad():
            output = stacked_outputs(self.network, rows)
            val = compute_metrics(self.learners, output[:, :count], target[:, :count])
            train = compute_metrics(self.learners, output[:, count:], target[:, count:])
        seconds = (time.perf_counter() - self.started) * self.time_fraction
        columns = {f"{name}/{split}": of[name] for name in val for split, of in (("train", train), ("val", val))}
        failed = []
        for index, (member, values) in enumerate(zip(self.members, zip(*columns.values(), strict=True), strict=True)):
            scores = dict(zip(columns, values, strict=True))
            if not math.isfinite(scores["loss/val"] + scores["loss/train"]):
                self._load_network(index)
            try:
                member.add_row(scores, seconds)
            except RunError as error:
                member.failure = str(error)
                failed.append(index)
        self._remove(failed)

    def _end_epoch(self, last: bool) -> None:
        """Keeps the best weights, steps plateau schedulers, and removes the members that have ended."""
        now = self._snapshot()
        improved = [index for index, member in enumerate(self.members) if member.evaluate_last_row()]
        self.best.copy_weights(improved, now)
        self.last = now.clone()
        for member in self.members:
            member.save_epoch_state()
            member.step_scheduler("plateau")
        self._update_rates()
        self._remove([index for index, member in enumerate(self.members) if last or member.trainer.should_stop])

    def _state(self, index: int) -> MemberState:
        return MemberState(self.members[index], self.last.select([index]), self.best.select([index]))

    def _remove(self, indices: Sequence[int]) -> None:
        """Passes members to `on_end` and stacks the others again."""
        if not indices:
            return
        ended = [self._state(index) for index in indices]
        rest = [index for index in range(len(self.members)) if index not in indices]
        now, weights = self._snapshot().select(rest), self.weights
        self.last, self.best = self.last.select(rest), self.best.select(rest)
        self.members = [self.members[index] for index in rest]
        self.loaders = [self.loaders[index] for index in rest]
        self.step_metrics.select(rest)
        self.data.select(rest)
        if rest:
            self._build()
            self.network.load(now)
            self.optimizer.load(now)
        self.on_end(weights, ended)
