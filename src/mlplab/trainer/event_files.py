"""Writes and reads event files of TensorBoard, beyond the documented interface of torch 2.15 and tensorboard 2.21.

tests/trainer/test_event_files.py compares files and events with those of SummaryWriter and EventAccumulator.
"""

import os
import socket
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import uuid4

from tensorboard.backend.event_processing.event_file_loader import LegacyEventFileLoader
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData
from tensorboard.summary.writer.record_writer import RecordWriter
from torch.utils.tensorboard import SummaryWriter
from torch.utils.tensorboard.summary import hparams
from torch.utils.tensorboard.writer import FileWriter

WRITTEN_AT_END = ("best/", "_hparams_/", "report/", "verdict")
STEP_IS_EPOCH = ("weights/", "images", "shape/")  # the step of other tags of the root counts updates


class FastSummaryWriter(SummaryWriter):
    """Writes all events at `flush` or `close`, without the thread of SummaryWriter, which takes four times as long."""

    file_writer: Any = None
    all_writers: Any = None

    def __init__(self, folder: str) -> None:
        # that of SummaryWriter computes the bins of histograms each time
        self.log_dir = folder
        self._get_file_writer()

    def _get_file_writer(self) -> Any:
        if self.file_writer is None:
            self.file_writer = _BufferedFileWriter(self.log_dir)
            self.all_writers = {self.log_dir: self.file_writer}
        return self.file_writer


class _BufferedFileWriter(FileWriter):
    def __init__(self, folder: str) -> None:
        self.event_writer: Any = _BufferedEventWriter(Path(folder))


class _BufferedEventWriter:
    """Has the interface of TensorBoard's EventFileWriter."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        name = f"events.out.tfevents.{int(time.time()):010d}.{socket.gethostname()}.{os.getpid()}.{uuid4().hex[:8]}"
        self.path = folder / name
        self.buffer = BytesIO()
        self.records = RecordWriter(self.buffer)
        self.add_event(Event(wall_time=time.time(), file_version="brain.Event:2"))

    def add_event(self, event: Event) -> None:
        self.records.write(event.SerializeToString())

    def flush(self) -> None:
        if self.buffer.tell():
            with open(self.path, "ab") as file:
                file.write(self.buffer.getvalue())
            self.buffer.seek(0)
            self.buffer.truncate()

    def close(self) -> None:
        self.flush()


def add_scalars(writer: SummaryWriter, values: Mapping[str, float], step: int | None, wall_time: float | None) -> None:
    """Writes several scalars as one event: an event for each costs more time than a small epoch."""
    summary = Summary(value=[Summary.Value(tag=tag, simple_value=value) for tag, value in values.items()])
    _file_writer(writer).add_summary(summary, step, wall_time)


def add_hparams(
    writer: SummaryWriter, choices: Mapping[str, Any], scores: Mapping[str, float], varied: Sequence[str]
) -> None:
    """Writes a row of the HPARAMS tab. varied: choices whose columns come first, in place of the first five by name."""
    columns, *session = hparams(dict(choices), dict.fromkeys(scores))  # type: ignore[no-untyped-call]
    plugin_data = columns.value[0].metadata.plugin_data
    content = HParamsPluginData.FromString(plugin_data.content)
    for column in content.experiment.hparam_infos:
        column.differs = column.name in varied
    plugin_data.content = content.SerializeToString()
    for summary in (columns, *session):
        _file_writer(writer).add_summary(summary)
    for tag, value in scores.items():
        writer.add_scalar(tag, value, 0)


def add_event(writer: SummaryWriter, event: Event) -> None:
    _file_writer(writer).event_writer.add_event(event)


def event_files(folder: str | Path) -> list[Path]:
    return sorted(Path(folder).glob("events.out.tfevents.*"))


def events_until(paths: Sequence[Path], epochs: int, step: int) -> Iterator[Any]:
    """Reads the events that a run had written after that many epochs and updates, without duplicates.

    A damaged record ends its file. What is written at the end of a run is left out.
    """
    seen: set[tuple[tuple[str, ...], int]] = set()
    for event in _events(paths):
        tags = tuple(value.tag for value in event.summary.value)
        key = (tags or (str(event.WhichOneof("what")),), event.step)
        last = epochs if not tags or tags[0].startswith(STEP_IS_EPOCH) else step
        if event.WhichOneof("what") == "file_version" or key in seen or event.step > last:
            continue
        if not any(tag.startswith(WRITTEN_AT_END) for tag in tags):
            seen.add(key)
            yield event


def read_images(paths: Sequence[Path], tag: str) -> list[bytes]:
    """Reads the images of a tag as PNG files, ordered by step."""
    images = {
        event.step: value.image.encoded_image_string
        for event in _events(paths)
        for value in event.summary.value
        if value.tag == tag
    }
    return [images[step] for step in sorted(images)]


def remove(paths: Iterable[Path]) -> None:
    for path in paths:
        path.unlink()


def _file_writer(writer: SummaryWriter) -> Any:
    return writer._get_file_writer()  # type: ignore[no-untyped-call]


def _events(paths: Sequence[Path]) -> Iterator[Any]:
    for path in paths:
        yield from LegacyEventFileLoader(str(path)).Load()
