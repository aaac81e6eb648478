"""Event files: equal to those of SummaryWriter; a run is restored up to an epoch and a step, without duplicates."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.event_file_loader import LegacyEventFileLoader
from torch.utils.tensorboard import SummaryWriter

from mlplab.trainer.event_files import FastSummaryWriter, event_files, events_until, read_images, remove
from mlplab.trainer.tensorboard import OverlayLogger


def restored(folder: Path, epochs: int, step: int) -> list[tuple[str, int]]:
    events = events_until(event_files(folder), epochs, step)
    return [(value.tag, event.step) for event in events for value in event.summary.value]


def write(folder: Path) -> None:
    writer = SummaryWriter(str(folder))
    for step in (50, 100, 150):
        writer.add_scalar("running/loss", 1 / step, step)
        writer.add_scalar("lr-Adam", 0.1, step)  # a user's own
    for epoch in (0, 1, 2):
        writer.add_scalar("weights/0", epoch, epoch)
    writer.add_scalar("best/loss/val", 0.5, 0)
    writer.close()


def test_histograms_are_limited_by_epoch_others_by_step_and_events_of_the_end_are_left_out(tmp_path: Path) -> None:
    write(tmp_path)
    expected = [(tag, step) for step in (50, 100) for tag in ("running/loss", "lr-Adam")]
    assert restored(tmp_path, epochs=1, step=120) == [*expected, ("weights/0", 0), ("weights/0", 1)]


def test_a_point_in_two_files_is_read_once(tmp_path: Path) -> None:
    write(tmp_path)
    once = restored(tmp_path, epochs=2, step=150)
    write(tmp_path)
    assert len(event_files(tmp_path)) == 2
    assert restored(tmp_path, epochs=2, step=150) == once


def test_the_complete_events_of_a_truncated_file_are_read(tmp_path: Path) -> None:
    write(tmp_path)
    (path,) = event_files(tmp_path)
    path.write_bytes(path.read_bytes()[:-30])
    assert ("weights/0", 2) in restored(tmp_path, epochs=9, step=999)
    assert ("best/loss/val", 0) not in restored(tmp_path, epochs=9, step=999)
    remove([path])
    assert event_files(tmp_path) == []


def test_a_resumed_run_has_the_curves_of_its_history_and_no_point_twice(tmp_path: Path) -> None:
    rows = [{"epoch": k, "step": 10 * k, "seconds": k, "loss/train": 1.0 - k, "loss/val": 2.0 - k} for k in range(3)]
    first = OverlayLogger(tmp_path)
    for row in rows:
        scores = {name: row[name] for name in ("loss/train", "loss/val")}
        first.log_metrics(scores, step=int(row["epoch"]))
        first.log_metrics({"running/loss": 0.5}, step=int(row["step"]))
    first.log_metrics({"loss/test": 3.0}, step=2)
    first.close()
    second = OverlayLogger(tmp_path)
    second.resume(rows[:2], step=10)
    second.close()
    for split, values in (("train", [1.0, 0.0]), ("val", [2.0, 1.0])):
        events = EventAccumulator(str(tmp_path / split)).Reload().Scalars("loss")
        assert [(event.step, event.value) for event in events] == list(enumerate(values))
        assert events[1].wall_time - events[0].wall_time == 1, "as far apart as the epochs were"
    running = EventAccumulator(str(tmp_path)).Reload().Scalars("running/loss")
    assert [event.step for event in running] == [0, 10]
    assert event_files(tmp_path / "test") == []


def test_images_are_read_by_step_and_limited_by_epoch(tmp_path: Path) -> None:
    writer = SummaryWriter(str(tmp_path))
    for epoch in (2, 0, 1):
        writer.add_image("shape/boundary", np.full((4, 4, 3), 60 * epoch, dtype=np.uint8), epoch, dataformats="HWC")
    writer.add_image("report/roc", np.zeros((4, 4, 3), dtype=np.uint8), 2, dataformats="HWC")
    writer.close()
    shades = []
    for frame in read_images(event_files(tmp_path), "shape/boundary"):
        with Image.open(io.BytesIO(frame)) as image:
            shades.append(np.asarray(image).max())
    assert shades == [0, 60, 120]
    assert read_images(event_files(tmp_path), "shape/other") == []
    assert {tag for tag, _ in restored(tmp_path, epochs=1, step=999)} == {"shape/boundary"}
    assert len(restored(tmp_path, epochs=1, step=999)) == 2


def payloads(folder: Path) -> list[bytes]:
    """All events except the first, which has the name of the writer."""
    (path,) = event_files(folder)
    return [event.SerializeToString() for event in list(LegacyEventFileLoader(str(path)).Load())[1:]]


def test_the_fast_writer_writes_the_events_of_summary_writer(tmp_path: Path) -> None:
    for name, kind in (("theirs", SummaryWriter), ("ours", FastSummaryWriter)):
        writer = kind(str(tmp_path / name))
        for step in range(20):
            writer.add_scalar("loss", 1 / (step + 1), step, walltime=100.0 + step)
        writer.add_text("verdict", "fits", 3, walltime=5.0)
        writer.flush()
        writer.add_image("picture", np.zeros((3, 4, 4), np.uint8), 4, walltime=6.0)
        writer.close()
    assert payloads(tmp_path / "ours") == payloads(tmp_path / "theirs")
    assert len(payloads(tmp_path / "ours")) == 22


def test_the_fast_writer_writes_everything_at_flush(tmp_path: Path) -> None:
    writer = FastSummaryWriter(str(tmp_path))
    writer.add_scalar("loss", 1.0, 0)
    writer.flush()
    assert len(payloads(tmp_path)) == 1
    writer.add_scalar("loss", 0.5, 1)
    writer.flush()
    writer.flush()
    assert len(payloads(tmp_path)) == 2


def test_an_error_of_the_disk_reaches_the_caller(tmp_path: Path) -> None:
    writer = FastSummaryWriter(str(tmp_path / "run"))
    writer.add_scalar("loss", 1.0, 0)
    (tmp_path / "run").rename(tmp_path / "gone")
    with pytest.raises(OSError, match="No such file"):
        writer.flush()
