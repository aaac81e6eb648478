"""Logs train, val and test as sibling runs, so that TensorBoard draws them in one chart; TensorBoardLogger cannot."""

import time
from argparse import Namespace
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import Logger
from torch.utils.tensorboard import SummaryWriter

from mlplab import files
from mlplab.trainer.event_files import (
    FastSummaryWriter,
    add_event,
    add_hparams,
    add_scalars,
    event_files,
    events_until,
    remove,
)

SPLITS = ("train", "val", "test")


class OverlayLogger(Logger):
    """Writes a score `<metric>/<split>` as tag `<metric>` of the run `<split>`, at step = epochs done.

    Everything else is written to the root folder, at step = updates done.
    """

    def __init__(self, folder: str | Path) -> None:
        super().__init__()
        self.folder = Path(folder)
        self._writers: dict[str, SummaryWriter] = {}
        self._make: Callable[[str], SummaryWriter] = partial(SummaryWriter, flush_secs=5)

    def buffer_events(self) -> None:
        """Writes later events at `flush` or `close` only, which is faster: for a run that nobody watches any more."""
        self._make = FastSummaryWriter

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
            self._writers[split] = self._make(str(self.folder / split))
        return self._writers[split]

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None, clock: float | None = None) -> None:
        """Logs scores by name. Lightning adds `epoch`, counted from 0, to those of the end of an epoch.

        clock: `time.time()` of metrics that are logged later than they were measured.
        """
        epochs = int(metrics["epoch"]) + 1 if "epoch" in metrics else step
        tags: dict[str, dict[str, float]] = defaultdict(dict)
        for name, value in metrics.items():
            tag, _, split = name.rpartition("/")
            if split in SPLITS:
                tags[split][tag] = value
            elif name != "epoch":
                tags[""][name] = value
        for split, values in tags.items():
            add_scalars(self.writer(split), values, epochs if split else step, clock)

    def log_hyperparams(self, params: dict[str, Any] | Namespace, *_: Any, **__: Any) -> None:
        """Logs nothing: `log_best` writes hyperparameters with the scores of the best epoch."""

    def log_best(self, choices: Mapping[str, Any], scores: Mapping[str, float], varied: Sequence[str] = ()) -> None:
        """Writes the row of the HPARAMS tab: choices, and the scores of the best epoch.

        varied: choices whose columns come first.
        """
        add_hparams(self.writer(), choices, {f"best/{name}": value for name, value in scores.items()}, varied)

    def resume(self, rows: Sequence[Mapping[str, float]], step: int) -> None:
        """Restores the folder of a resumed run as it was after `step` updates.

        rows: those of history.csv, from which the curves are written again; other events are copied.
        """
        started = time.time() - rows[-1]["seconds"]
        for split in SPLITS:
            remove(event_files(self.folder / split))
        for row in rows:
            scores = {name: value for name, value in row.items() if "/" in name}
            self.log_metrics(scores, int(row["epoch"]), started + row["seconds"])
        former = event_files(self.folder)
        for event in events_until(former, epochs=len(rows) - 1, step=step):
            add_event(self.writer(), event)
        self.sync()
        remove(former)

    def clear(self) -> None:
        """Deletes all event files of the folder."""
        for split in ("", *SPLITS):
            remove(event_files(self.folder / split))

    def sync(self) -> None:
        """Returns when everything logged so far is on the disk."""
        for split, writer in self._writers.items():
            writer.flush()
            for path in event_files(self.folder / split):
                files.sync(path)

    def finalize(self, status: str) -> None:
        for writer in self._writers.values():
            writer.flush()

    def close(self) -> None:
        for writer in self._writers.values():
            writer.close()
        self._writers.clear()
