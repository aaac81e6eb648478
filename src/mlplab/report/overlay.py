"""Training against validation in one TensorBoard chart; Lightning's own logger writes one run, so one tag a curve."""

from argparse import Namespace
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import Logger
from tensorboard.compat.proto.summary_pb2 import Summary
from torch.utils.tensorboard import SummaryWriter
from torch.utils.tensorboard.summary import hparams

SPLITS = ("train", "val", "test")


class Overlay(Logger):
    """A score `<metric>/<split>` becomes tag `<metric>` of the sibling run `<split>`, at x = epochs done.

    Everything else stands in the folder's root, at x = step.
    """

    def __init__(self, folder: str | Path) -> None:
        super().__init__()
        self.folder = Path(folder)
        self._writers: dict[str, SummaryWriter] = {}

    @property
    def name(self) -> str:
        return ""

    @property
    def version(self) -> str:
        return ""

    @property
    def save_dir(self) -> str:
        return str(self.folder)

    def writer(self, split: str = "") -> SummaryWriter:
        if split not in self._writers:
            self._writers[split] = SummaryWriter(str(self.folder / split), flush_secs=5)
        return self._writers[split]

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Lightning adds `epoch`, counted from 0, to what a learner logs at the end of that epoch."""
        done = int(metrics["epoch"]) + 1 if "epoch" in metrics else step
        tags: dict[str, dict[str, float]] = defaultdict(dict)
        for name, value in metrics.items():
            tag, _, split = name.rpartition("/")
            if split in SPLITS:
                tags[split][tag] = value
            elif name != "epoch":
                tags[""][name] = value
        for split, values in tags.items():
            # one event for all: a write of its own for each score costs more than a small epoch
            summary = Summary(value=[Summary.Value(tag=tag, simple_value=value) for tag, value in values.items()])
            file: Any = self.writer(split)._get_file_writer()  # type: ignore[no-untyped-call]
            file.add_summary(summary, done if split else step)

    def log_hyperparams(self, params: dict[str, Any] | Namespace, *_: Any, **__: Any) -> None:
        """Hyper-parameters go with the best epoch's scores, by `log_best`."""

    def log_best(self, choices: Mapping[str, Any], scores: Mapping[str, float]) -> None:
        """The run's row in the HPARAMS tab: what was chosen, and the scores of the best epoch."""
        root = self.writer()
        tags = {f"best/{name}": value for name, value in scores.items()}
        for summary in hparams(dict(choices), dict.fromkeys(tags)):  # type: ignore[no-untyped-call]
            root._get_file_writer().add_summary(summary)  # type: ignore[no-untyped-call]
        for tag, value in tags.items():
            root.add_scalar(tag, value, 0)

    def finalize(self, status: str) -> None:
        for writer in self._writers.values():
            writer.flush()

    def close(self) -> None:
        for writer in self._writers.values():
            writer.close()
        self._writers.clear()
