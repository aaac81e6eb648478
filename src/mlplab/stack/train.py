"""Stack: configurations of one form become run folders, trained as one; each folder is what `train` would have left."""

import json
import logging
import os
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack, nullcontext, suppress
from functools import partial
from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig
from torch import nn

from mlplab import files
from mlplab.config.messages import describe_error
from mlplab.data.datamodule import TensorLoader
from mlplab.data.leakage import format_leaks
from mlplab.data.splits import Splits
from mlplab.files import lock_folder
from mlplab.learner.learner import Learner
from mlplab.report.text import align_lines
from mlplab.run.build import Components, build_learner, build_without_statistics
from mlplab.run.config_file import write_config
from mlplab.run.train import Scores, describe_run, write_results
from mlplab.signals import defer_signals
from mlplab.stack.data import DatasetCache
from mlplab.stack.fit import StackedFit
from mlplab.stack.member import Member, Of, TrainerStandIn
from mlplab.stack.member_files import log_epoch, redirect_log, write_member
from mlplab.stack.metrics import FinalMetrics, final_metrics, measured_layers
from mlplab.stack.network import can_stack, generator_like_global
from mlplab.stack.processes import run_in_processes, split_members
from mlplab.stack.weights import Snapshot, Weights
from mlplab.sweep.eta import StackProgress
from mlplab.trainer.interrupt import GracefulStop
from mlplab.trainer.progress import ProgressLine

EVERY, SAVE_COST_RATIO = 30.0, 20.0  # seconds between savings; and times what the last one took, at least
log = logging.getLogger(__name__)


class Stack:
    """labels: of the jobs, for the console. most: members that train at once. datasets: their data, where read."""

    def __init__(
        self,
        configs: Sequence[DictConfig],
        labels: Sequence[str],
        most: int | None = None,
        datasets: DatasetCache | None = None,
    ) -> None:
        self.configs = configs
        self.labels = labels
        self.most = most
        self.datasets = datasets or DatasetCache()
        self.taught: dict[int, Learner] = {}  # by the identity of Splits
        self.told: dict[int, dict[str, str]] = {}  # by fold
        self.saved, self.cost = time.perf_counter(), 0.0  # the last saving, and the seconds that it took
        self.scores: dict[int, Scores] = {}  # of those that have come to their end, by place

    def obstacle(self) -> str:
        """What stands in the way of training these as one, or nothing."""
        try:
            splits = self.datasets.of(self.configs[0])
            learner = self.taught[id(splits)] = build_learner(self.configs[0], splits)
        except Exception as error:  # each job will say so by itself
            return describe_error(error)
        if torch.cuda.is_available() and self.configs[0].trainer.accelerator != "cpu":
            return "stacks train on a CPU"
        self.parts = split_members(len(self.configs), sum(parameter.numel() for parameter in learner.parameters()))
        folds = len({config.data.fold for config in self.configs}) if self.configs[0].data.folds else 1
        together = max_members(learner, splits, self.configs[0].batch_size, folds * len(self.parts))
        self.largest = self.most or max(1, together // len(self.parts))
        return can_stack(learner)

    def train(self) -> dict[int, Scores]:
        """Scores by place; of those that failed none."""
        if len(self.parts) == 1:
            return self._train(self.parts[0])
        scores, killed = run_in_processes(self._train, self.parts)
        for place in killed:
            run = Path(self.configs[place].run_dir)
            if (run / "scores.json").exists():
                scores[place] = json.loads((run / "scores.json").read_text())
            elif (run / "config.yaml").exists():
                self._failed(place, "its process was killed: is there memory enough for it?")
            else:
                print(f"mlplab: {self.labels[place]}: not begun, its process was killed", file=sys.stderr, flush=True)
        return scores

    def _train(self, places: Sequence[int]) -> dict[int, Scores]:
        for start in range(0, len(places), self.largest):
            chunk = places[start : start + self.largest]
            members = assemble_members([self.configs[place] for place in chunk], self.datasets, self.taught)
            self.places = {id(member): place for place, member in zip(chunk, members, strict=True)}
            with ExitStack() as locks:
                self._begin(members, locks)
                StackedFit(members, self.end, partial(self.after, places[0] == 0)).run()
        return self.scores

    def _begin(self, members: Sequence[Member], locks: ExitStack) -> None:
        """From now on they are runs."""
        with files.batch_writes():
            for member in members:
                run = Path(member.config.run_dir)
                run.mkdir(parents=True, exist_ok=True)
                locks.enter_context(lock_folder(run))
                write_config(member.config, member.lab.learner.hparams["config"])
                if (fold := member.config.data.fold) not in self.told:
                    self.told[fold] = format_leaks(member.lab.splits)
        self.pace = StackProgress(self.configs[0].trainer.max_epochs)

    def after(self, leads: bool, fit: StackedFit, epochs: int) -> None:
        """Saves from time to time, so that a stack that is killed goes on from here, member by member. leads: it tells
        how far all are."""
        if leads:
            self.pace.tell(epochs)
        began = time.perf_counter()
        if began - self.saved > max(EVERY, SAVE_COST_RATIO * self.cost):
            with defer_signals(), files.batch_writes():
                for member, safe, best in fit.going():
                    write_member(member, fit.weights, safe, best, curves=False)
            self.saved = time.perf_counter()
            self.cost = self.saved - began

    def end(self, weights: Weights, ended: Sequence[Of]) -> None:
        """Write what is left of members: all of it of those that came to their end."""
        pages = self.configs[0].report.html  # which is made from files that are there
        with (
            defer_signals(),
            nullcontext() if pages else files.batch_writes(),
        ):  # a signal waits: nothing else keeps them
            closed = self._closed(ended)
            for member, safe, best in ended:
                self._write(member, weights, safe, best, closed.get(id(member)))
        for member, *_ in ended:
            place = self.places[id(member)]
            if member.failure:
                self._failed(place, member.failure)
            elif place in self.scores:
                scores, monitor = self.scores[place], member.config.monitor
                said = f"{monitor} {scores[monitor]:.4f} at epoch {scores['best_epoch']}"
                print(f"{self.labels[place]}: {said}", flush=True)

    def _closed(self, ended: Sequence[Of]) -> dict[int, FinalMetrics]:
        try:
            return final_metrics(ended)
        except Exception as error:
            for member, *_ in ended:
                member.failure = member.failure or describe_error(error)
            return {}

    def _write(
        self, member: Member, weights: Weights, safe: Snapshot, best: Snapshot, closing: FinalMetrics | None
    ) -> None:
        run = Path(member.config.run_dir)
        try:
            with redirect_log(run / "train.log"):
                log.info(align_lines({**describe_run(member.lab), **self.told[member.config.data.fold]}))
                log_epoch(member)
                write_member(member, weights, safe, best)
                if closing:
                    self.scores[self.places[id(member)]] = _finish(member, closing)
                member.lab.overlay.close()
        except Exception as error:
            member.failure = describe_error(error)
        finally:
            with suppress(OSError):  # which has been told
                member.lab.overlay.close()

    def _failed(self, place: int, reason: str) -> None:
        print(f"mlplab: {self.labels[place]}: {reason}", file=sys.stderr, flush=True)
        with suppress(OSError):
            files.write(Path(self.configs[place].run_dir) / "failure.txt", reason + "\n")


def _finish(member: Member, closing: FinalMetrics) -> Scores:
    """As `train.finish` does."""
    learner = member.lab.learner
    learner.load_state_dict(member.lab.checkpoints.best["checkpoint"]["state_dict"])
    learner.eval()
    learner.scores = closing.test
    return write_results(member.lab, closing.diagnosis, member.rows[-1]["seconds"])


NEEDS_TRAINER = (ProgressLine, GracefulStop)  # they look at a Trainer that trains


def assemble_members(
    configs: Sequence[DictConfig], datasets: DatasetCache | None = None, taught: dict[int, Learner] | None = None
) -> list[Member]:
    """Each as its single run would be built: the same seeds, the same starting weights, the same objects.

    taught: learners of this form that have learned from the rows of Splits, by their identity; grows."""
    datasets, taught = datasets or DatasetCache(), {} if taught is None else taught
    first: Components | None = None
    measured: dict[int, Any] = {}  # by fold, which hold the same Splits
    members = []
    for config in configs:
        splits = datasets.of(config)
        lab = build_without_statistics(
            config, splits=splits, fitted=taught.get(id(splits)), trainer=first.trainer if first else None
        )
        taught.setdefault(id(splits), lab.learner)
        generator = generator_like_global()
        if first is None:
            first, batches = lab, lab.batches.train_dataloader()
            updates = len(TensorLoader(splits.train, config.batch_size))
        callbacks = [one for one in lab.callbacks if not isinstance(one, NEEDS_TRAINER)]
        own = measured.setdefault(id(splits), lab.batches.val_dataloader())
        standing = TrainerStandIn(first.trainer, lab.learner, callbacks, batches, updates, own)
        members.append(Member(config, lab, standing, generator))
    for member, start in zip(members, measured_layers(members), strict=True):
        member.start = start
    return members


COPIES = 16  # of a member's weights: gradients, an optimizer's state, what is kept of the last and of the best epoch
PASSES = 8  # activations of a mini-batch that are held at once, forward and backward
SHARE = 0.5  # of the memory that is free


def max_members(learner: Any, splits: Splits, batch_size: int, sets: int = 1) -> int:
    """At least one. sets: of rows that are held, one a fold and process, each as large as these splits."""
    size = torch.finfo(learner.dtype).bits // 8
    parameters = sum(parameter.numel() for parameter in learner.parameters())
    wide = splits.in_features + sum(one.out_features for one in learner.modules() if isinstance(one, nn.Linear))
    outputs = (len(splits.val) + len(splits.measured)) * 4
    member = size * (COPIES * parameters + PASSES * batch_size * wide + outputs)
    scaled = size * splits.in_features * (len(splits.train) + len(splits.val) + len(splits.measured))  # once a set
    read = splits.train.features.element_size() * splits.in_features * _rows(splits)
    return max(1, int((SHARE * available_memory() - sets * scaled - (sets - 1) * read) / member))


def _rows(splits: Splits) -> int:
    return sum(len(part) for part in (splits.train, splits.val, splits.test))


def available_memory() -> int:
    """Bytes of memory that nobody uses; on Linux with what would be given back."""
    try:
        with open("/proc/meminfo") as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith("MemAvailable"))
    except (OSError, StopIteration):
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
