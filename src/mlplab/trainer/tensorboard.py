"""Training against validation in one TensorBoard chart; Lightning's own logger writes one run, so one tag a curve."""

import os
import socket
import time
from argparse import Namespace
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import uuid4

from lightning.pytorch.loggers import Logger
from tensorboard.backend.event_processing.event_file_loader import LegacyEventFileLoader
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData
from tensorboard.summary.writer.record_writer import RecordWriter
from torch.utils.tensorboard import SummaryWriter
from torch.utils.tensorboard.summary import hparams
from torch.utils.tensorboard.writer import FileWriter

from mlplab import files

SPLITS = ("train", "val", "test")


class OverlayLogger(Logger):
    """A score `<metric>/<split>` becomes tag `<metric>` of the sibling run `<split>`, at x = epochs done.

    Everything else stands in the folder's root, at x = step.
    """

    def __init__(self, folder: str | Path) -> None:
        super().__init__()
        self.folder = Path(folder)
        self._writers: dict[str, SummaryWriter] = {}
        self._make: Callable[[str], SummaryWriter] = partial(SummaryWriter, flush_secs=5)

    def is_over(self) -> None:
        """All that is logged from now on comes at once."""
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
        """Lightning adds `epoch`, counted from 0, to what a learner logs at the end of that epoch. clock: `time.time()`
        of what is told later."""
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
            file.add_summary(summary, done if split else step, clock)

    def log_hyperparams(self, params: dict[str, Any] | Namespace, *_: Any, **__: Any) -> None:
        """Hyper-parameters go with the best epoch's scores, by `log_best`."""

    def log_best(self, choices: Mapping[str, Any], scores: Mapping[str, float], varied: Sequence[str] = ()) -> None:
        """The run's row in the HPARAMS tab: what was chosen, and the scores of the best epoch. varied: choices whose
        columns stand first; TensorBoard itself would show the first five by the alphabet."""
        root = self.writer()
        tags = {f"best/{name}": value for name, value in scores.items()}
        experiment, *session = hparams(dict(choices), dict.fromkeys(tags))  # type: ignore[no-untyped-call]
        for summary in (_first(experiment, varied), *session):
            root._get_file_writer().add_summary(summary)  # type: ignore[no-untyped-call]
        for tag, value in tags.items():
            root.add_scalar(tag, value, 0)

    def go_on(self, rows: Sequence[Mapping[str, float]], step: int) -> None:
        """Take up a folder as it stood after `step` updates: the curves from the history's rows, what else was drawn
        by then as it was."""
        started = time.time() - rows[-1]["seconds"]
        for split in SPLITS:
            remove(event_files(self.folder / split))
            for row in rows if split != "test" else ():
                for name in row:
                    if name.endswith(f"/{split}"):
                        tag, at = name.partition("/")[0], started + row["seconds"]
                        self.writer(split).add_scalar(tag, row[name], int(row["epoch"]), walltime=at)
        old = event_files(self.folder)
        for event in events_until(old, epochs=len(rows) - 1, step=step):
            self.writer()._get_file_writer().event_writer.add_event(event)  # type: ignore[no-untyped-call]
        self.sync()
        remove(old)

    def clear(self) -> None:
        """Forget what is in the folder."""
        for split in ("", *SPLITS):
            remove(event_files(self.folder / split))

    def sync(self) -> None:
        """Return when all that was logged is on the disk."""
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


def _first(experiment: Summary, varied: Sequence[str]) -> Summary:
    """The summary that names the columns, with those that differ between runs marked."""
    held = HParamsPluginData.FromString(experiment.value[0].metadata.plugin_data.content)
    for column in held.experiment.hparam_infos:
        column.differs = column.name in varied
    experiment.value[0].metadata.plugin_data.content = held.SerializeToString()
    return experiment


class FastSummaryWriter(SummaryWriter):
    """Its file is there after `flush` or `close`. A thread a file, handed each event, takes four times as long."""

    file_writer: Any = None
    all_writers: Any = None

    def __init__(self, folder: str) -> None:
        # SummaryWriter's own works out the bins of histograms each time
        self.log_dir = folder
        self._get_file_writer()

    def _get_file_writer(self) -> Any:
        if self.file_writer is None:
            self.file_writer = _File(self.log_dir)
            self.all_writers = {self.log_dir: self.file_writer}
        return self.file_writer


class _File(FileWriter):
    def __init__(self, folder: str) -> None:
        self.event_writer: Any = _Events(Path(folder))


class _Events:
    """As TensorBoard's EventFileWriter."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        name = f"events.out.tfevents.{int(time.time()):010d}.{socket.gethostname()}.{os.getpid()}.{uuid4().hex[:8]}"
        self.path = folder / name
        self.waiting = BytesIO()
        self.records = RecordWriter(self.waiting)
        self.add_event(Event(wall_time=time.time(), file_version="brain.Event:2"))

    def get_logdir(self) -> str:
        return str(self.path.parent)

    def add_event(self, event: Event) -> None:
        self.records.write(event.SerializeToString())

    def flush(self) -> None:
        if self.waiting.tell():
            with open(self.path, "ab") as file:
                file.write(self.waiting.getvalue())
            self.waiting.seek(0)
            self.waiting.truncate()

    def close(self) -> None:
        self.flush()


AT_THE_END = ("best/", "_hparams_/", "report/", "verdict")  # written once a run is over
BY_EPOCH = ("weights/", "images", "shape/")  # what else stands here is drawn by step


def event_files(folder: str | Path) -> list[Path]:
    return sorted(Path(folder).glob("events.out.tfevents.*"))


def events_until(paths: Sequence[Path], epochs: int, step: int) -> Iterator[Any]:
    """The events that a run had drawn after so many epochs and updates, each once; a record cut short ends its file."""
    seen: set[tuple[tuple[str, ...], int]] = set()
    for event in _events(paths):
        tags = tuple(value.tag for value in event.summary.value)
        key = (tags or (str(event.WhichOneof("what")),), event.step)
        last = epochs if not tags or tags[0].startswith(BY_EPOCH) else step
        if event.WhichOneof("what") == "file_version" or key in seen or event.step > last:
            continue
        if not any(tag.startswith(AT_THE_END) for tag in tags):
            seen.add(key)
            yield event


def read_images(paths: Sequence[Path], tag: str) -> list[bytes]:
    """The pictures of a tag as PNG files, by step."""
    found = {
        event.step: value.image.encoded_image_string
        for event in _events(paths)
        for value in event.summary.value
        if value.tag == tag
    }
    return [found[step] for step in sorted(found)]


def remove(paths: Iterable[Path]) -> None:
    for path in paths:
        path.unlink()


def _events(paths: Sequence[Path]) -> Iterator[Any]:
    for path in paths:
        yield from LegacyEventFileLoader(str(path)).Load()
