"""Train K members as one: a batched product a layer, one optimizer step for all, each with its own numbers."""

import math
import time
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from mlplab.data.datamodule import TensorLoader
from mlplab.errors import RunError
from mlplab.signals import defer_signals
from mlplab.stack.data import StackedData
from mlplab.stack.member import Member, Of, StackedStepMetrics
from mlplab.stack.metrics import compute_metrics, stacked_outputs
from mlplab.stack.network import MemberGenerators, StackedNetwork, stacked_loss
from mlplab.stack.optimizer import StackedOptimizer
from mlplab.stack.weights import Snapshot, Weights, load_member, restore

Ended = Callable[[Weights, Sequence[Of]], None]
After = Callable[["StackedFit", int], None]


class StackedFit:
    """members: of one form, as `groups` and `datasets` find them.

    end: told of each member once, however it ends: with where its last epoch and its best stand, each a snapshot of
    that member alone. after: called after each epoch with this and how many are over.
    """

    def __init__(self, members: Sequence[Member], end: Ended, after: After = lambda *_: None) -> None:
        self.members = list(members)
        self.end, self.after = end, after
        self.config = members[0].config
        self.clip: float | None = self.config.trainer.gradient_clip_val  # to look it up at each step takes 20 us
        self.share = 1 / len(members)
        self.started = time.perf_counter()
        self.rows = StackedData(members)
        size = self.config.batch_size
        self.loaders = [TensorLoader(one.lab.splits.train, size, one.config.seed) for one in members]
        self.records = StackedStepMetrics(self.config.report.every_n_steps)
        for member in members:
            member.begin()
        self._stack()
        self.safe = self._now().copied()
        self.best = self._now().copied()

    def run(self) -> None:
        try:
            self._measure()
            for epoch in range(self.config.trainer.max_epochs):
                self._train(epoch)
                with defer_signals():  # so that what a member has come to is of one epoch
                    self._measure()
                    self._judge(last=epoch + 1 == self.config.trainer.max_epochs)
                self.after(self, epoch + 1)
        finally:  # where something stopped it, each has its last epoch kept
            self._drop(range(len(self.members)))

    def _stack(self) -> None:
        self.learners: list[Any] = [member.lab.learner for member in self.members]
        networks = [learner.network for learner in self.learners]
        self.weights = Weights(networks)
        draws = MemberGenerators([member.generator for member in self.members])
        self.network = StackedNetwork(networks, self.weights, draws)
        self.loss = stacked_loss([learner.loss for learner in self.learners])
        self.optimizer = StackedOptimizer([member.optimizer for member in self.members], networks, self.weights.flat)
        self.rates = [member.rate for member in self.members]
        self.by_step = self.members[0].plan_of("step") is not None

    def _now(self) -> Snapshot:
        held = self.optimizer
        return Snapshot(self.weights.flat, self.network.buffers, held.state, held.products, held.steps)

    def _train(self, epoch: int) -> None:
        for member, loader in zip(self.members, self.loaders, strict=True):
            member.standing.current_epoch = epoch
            member.standing.sanity_checking = False
            loader.set_epoch(epoch)
        if not self.members:
            return
        orders = self.rows.order(self.loaders)
        for low, high in self.loaders[0].bounds:
            if broken := self._update(orders[:, low:high]):
                self._drop(broken)
                if not self.members:
                    return
                orders = self.rows.order(self.loaders)
        self.records.hand_out(self.members)
        for member in self.members:
            member.standing.global_step = self.optimizer.steps
            member.step_plan("epoch")
        self._take_rates()

    def _update(self, places: Tensor) -> list[int]:
        """places: (K, B) of rows. Returns the places of members whose loss is no number: they have to go."""
        features, target = self.rows.batch(places)
        losses = self.loss(self.network(features, True), target)
        total, broken = losses.sum(), []
        if not math.isfinite(total.item()):
            broken = [place for place, loss in enumerate(losses.tolist()) if not math.isfinite(loss)]
            self._explain(broken, losses.detach(), places)
            total = losses[[place for place in range(len(losses)) if place not in broken]].sum()
        self._step(self.weights.gradients(total), losses.detach())
        if self.by_step:
            for member in self.members:
                member.step_plan("step")
            self._take_rates()
        return broken

    def _step(self, gradients: list[Tensor], losses: Tensor) -> None:
        clip = self.clip
        if clip is None and not self.records.norm_is_due and self.optimizer.takes_pieces:
            self.records.add(losses, None, self.rates)
            self.optimizer.step_in_pieces(gradients)
            return
        gradient = self.weights.joined(gradients)
        norm = gradient.norm(dim=1) if clip is not None or self.records.norm_is_due else None
        self.records.add(losses, norm, self.rates)
        if clip is not None and norm is not None:
            gradient.mul_((clip / (norm + 1e-6)).clamp(max=1.0)[:, None])
        self.optimizer.step(gradient)

    def _explain(self, broken: Sequence[int], losses: Tensor, places: Tensor) -> None:
        for place in broken:
            member = self.members[place]
            member.standing.global_step = self.optimizer.steps
            load_member(self._now().only([place]), self.weights, member.lab.learner.network)
            member.failed(losses[place], self.rows.raw(member, places[place]))

    def _take_rates(self) -> None:
        rates = [member.rate for member in self.members]
        if rates != self.rates:
            self.rates = rates
            self.optimizer.take_rates(rates)

    def _measure(self) -> None:
        """A row for the history of each."""
        if not self.members:
            return
        with torch.no_grad():
            output, count = stacked_outputs(self.network, self.rows.measured, self.rows.by_member), self.rows.num_val
            val = compute_metrics(self.learners, output[:, :count], self.rows.by_member(self.rows.val))
            train = compute_metrics(self.learners, output[:, count:], self.rows.by_member(self.rows.train))
        seconds = (time.perf_counter() - self.started) * self.share
        named = {f"{name}/{part}": of[name] for name in val for part, of in (("train", train), ("val", val))}
        broken = []
        for place, (member, values) in enumerate(zip(self.members, zip(*named.values(), strict=True), strict=True)):
            scores = dict(zip(named, values, strict=True))
            if not math.isfinite(scores["loss/val"] + scores["loss/train"]):  # where in the network is looked up
                load_member(self._now().only([place]), self.weights, member.lab.learner.network)
            try:
                member.add(scores, seconds)
            except RunError as error:
                member.failure = str(error)
                broken.append(place)
        self._drop(broken)

    def _judge(self, last: bool) -> None:
        """After an epoch: which have their best one, and which have ended."""
        now = self._now()
        self.best.take_weights([place for place, member in enumerate(self.members) if member.judge()], now)
        self.safe = now.copied()
        for member in self.members:
            member.take_mark()
            member.step_plateau()
        self._take_rates()
        self._drop([place for place, member in enumerate(self.members) if last or member.standing.should_stop])

    def going(self) -> list[Of]:
        """Those that go on, as `end` is told of them."""
        return [self._of(place) for place in range(len(self.members))]

    def _of(self, place: int) -> Of:
        return self.members[place], self.safe.only([place]), self.best.only([place])

    def _drop(self, places: Sequence[int]) -> None:
        """They have ended; the others go on."""
        if not places:
            return
        ended = [self._of(place) for place in places]
        rest = [place for place in range(len(self.members)) if place not in places]
        now, weights = self._now().only(rest), self.weights
        self.safe, self.best = self.safe.only(rest), self.best.only(rest)
        self.members = [self.members[place] for place in rest]
        self.loaders = [self.loaders[place] for place in rest]
        self.records.only(torch.tensor(rest, dtype=torch.long))
        self.rows.only(torch.tensor(rest, dtype=torch.long))
        if rest:
            self._stack()
            restore(now, self.weights, self.network, self.optimizer)
        self.end(weights, ended)
