"""Trains one stack: configurations that can share it become run folders, each as `run.train` leaves it."""

import json
import logging
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack, nullcontext, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import torch
from omegaconf import DictConfig

from mlplab import files
from mlplab.config.messages import describe_error
from mlplab.data.leakage import format_leaks
from mlplab.report.text import align_lines
from mlplab.run.build import build_learner
from mlplab.run.config_file import write_config
from mlplab.run.train import Scores, describe_run, write_results
from mlplab.signals import defer_signals
from mlplab.stack.assemble import assemble_members, max_members
from mlplab.stack.data import DatasetCache
from mlplab.stack.diagnosis import FinalMetrics, final_metrics
from mlplab.stack.fit import StackedFit
from mlplab.stack.member import Member, MemberState
from mlplab.stack.member_files import log_epochs, redirect_log, write_member
from mlplab.stack.network import why_no_stacked_network
from mlplab.stack.processes import run_in_processes, split_members
from mlplab.stack.weights import Weights
from mlplab.sweep.eta import StackProgress

SAVE_INTERVAL = 30.0  # seconds between two checkpoints of all members, at least
SAVE_COST_RATIO = 20.0  # and at least this many times the duration of the last one
log = logging.getLogger(__name__)


@dataclass
class Stack:
    """The jobs of one stack; an index is a position in `configs`.

    labels: of the jobs, for the console. most: members that train at once, by default as many as fit into memory.
    datasets: data that has been read already. scores: of the members that ended, by index. leaks: lines for train.log,
    by fold. Call `obstacle` first, then `train` where it returns an empty string.
    """

    configs: Sequence[DictConfig]
    labels: Sequence[str]
    most: int | None = None
    datasets: DatasetCache = field(default_factory=DatasetCache)
    scores: dict[int, Scores] = field(default_factory=dict)
    leaks: dict[int, dict[str, str]] = field(default_factory=dict)
    saved_at: float = field(default_factory=time.perf_counter)
    save_cost: float = 0.0

    def obstacle(self) -> str:
        """Returns why these jobs cannot train as one stack, or an empty string."""
        config = self.configs[0]
        try:
            fold = self.datasets.fold(config)
            learner = fold.learner = build_learner(config, fold.splits)
        except Exception as error:  # building may run any user code; the jobs, run alone, report it in full
            return describe_error(error)
        if torch.cuda.is_available() and config.trainer.accelerator != "cpu":
            return "stacks train on a CPU"
        self.parts = split_members(len(self.configs), sum(parameter.numel() for parameter in learner.parameters()))
        folds = len({other.data.fold for other in self.configs}) if config.data.folds else 1
        fitting = max_members(learner, fold.splits, config.batch_size, folds * len(self.parts))
        self.chunk_size = self.most or max(1, fitting // len(self.parts))
        return why_no_stacked_network(learner)

    def train(self) -> dict[int, Scores]:
        """Returns the scores of each job by index, without those that failed."""
        if len(self.parts) == 1:
            return self._train_part(self.parts[0])
        scores, killed = run_in_processes(self._train_part, self.parts)
        for index in killed:
            run = Path(self.configs[index].run_dir)
            if (run / "scores.json").exists():
                scores[index] = json.loads((run / "scores.json").read_text())
            elif (run / "config.yaml").exists():
                self._report_failure(index, "its process was killed: is there enough memory?")
            else:
                print(f"mlplab: {self.labels[index]}: not started, its process was killed", file=sys.stderr, flush=True)
        return scores

    def _train_part(self, indices: Sequence[int]) -> dict[int, Scores]:
        """Trains as many members at once as `chunk_size`, one chunk after another."""
        for start in range(0, len(indices), self.chunk_size):
            members = assemble_members(self.configs, self.datasets, indices[start : start + self.chunk_size])
            with ExitStack() as locks:
                self._start_runs(members, locks)
                StackedFit(members, self._end, partial(self._after_epoch, indices[0] == 0)).run()
        return self.scores

    def _start_runs(self, members: Sequence[Member], locks: ExitStack) -> None:
        """Creates and locks the run folders."""
        with files.batch_writes():
            for member in members:
                member.folder.mkdir(parents=True, exist_ok=True)
                locks.enter_context(files.lock_folder(member.folder))
                write_config(member.learner.hparams["config"])
                if member.fold not in self.leaks:
                    self.leaks[member.fold] = format_leaks(member.splits)
        self.progress = StackProgress(self.configs[0].trainer.max_epochs)

    def _after_epoch(self, prints: bool, fit: StackedFit, epochs: int) -> None:
        """Saves all members from time to time, so that each can be resumed. prints: whether this process reports."""
        if prints:
            self.progress.update(epochs)
        started = time.perf_counter()
        if started - self.saved_at > max(SAVE_INTERVAL, SAVE_COST_RATIO * self.save_cost):
            with defer_signals(), files.batch_writes():
                for state in fit.states():
                    write_member(state, fit.weights, curves=False)
            self.saved_at = time.perf_counter()
            self.save_cost = self.saved_at - started

    def _end(self, weights: Weights, ended: Sequence[MemberState]) -> None:
        """Writes the files of members that ended, failed or were interrupted."""
        # report.html reads other files of the run, so they need their names before it is written
        writes = nullcontext() if self.configs[0].report.html else files.batch_writes()
        with defer_signals(), writes:  # a signal waits: these weights exist nowhere else
            final = self._final_metrics(ended)
            for state in ended:
                self._write(state, weights, final.get(state.member.index))
        for member, *_ in ended:
            if member.failure:
                self._report_failure(member.index, member.failure)
            elif scores := self.scores.get(member.index):
                monitor = member.learner.monitor
                result = f"{monitor} {scores[monitor]:.4f} at epoch {scores['best_epoch']}"
                print(f"{self.labels[member.index]}: {result}", flush=True)

    def _final_metrics(self, ended: Sequence[MemberState]) -> dict[int, FinalMetrics]:
        try:
            return final_metrics(ended)
        except Exception as error:  # the border of these members: their checkpoints are still written, others train on
            for member, *_ in ended:
                member.failure = member.failure or describe_error(error)
            return {}

    def _write(self, state: MemberState, weights: Weights, final: FinalMetrics | None) -> None:
        member, components = state.member, state.member.components
        try:
            with redirect_log(member.folder / "train.log"):
                log.info(align_lines({**describe_run(components), **self.leaks[member.fold]}))
                log_epochs(member)
                write_member(state, weights)
                if final:
                    # what `run.train.evaluate_best` does after the test
                    member.learner.load_state_dict(components.checkpoints.best["checkpoint"]["state_dict"])
                    member.learner.eval()
                    member.learner.scores = final.test
                    seconds = member.rows[-1]["seconds"]
                    self.scores[member.index] = write_results(components, final.diagnosis, seconds)
                components.overlay.close()
        except Exception as error:  # the border of one member's files: a full disk or a user's report fails it alone
            member.failure = describe_error(error)
        finally:
            with suppress(OSError):  # the failure above has the reason
                components.overlay.close()

    def _report_failure(self, index: int, reason: str) -> None:
        print(f"mlplab: {self.labels[index]}: {reason}", file=sys.stderr, flush=True)
        with suppress(OSError):
            files.write(Path(self.configs[index].run_dir) / "failure.txt", reason + "\n")
