"""Event files read back: what was drawn by an epoch and a step, each once."""

import io
from pathlib import Path

import numpy as np
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch.utils.tensorboard import SummaryWriter

from mlplab.trainer.event_files import event_files, events_until, read_images, remove
from mlplab.trainer.tensorboard import OverlayLogger


def drawn(folder: Path, epochs: int, step: int) -> list[tuple[str, int]]:
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


def test_histograms_are_cut_by_epoch_others_by_step_and_what_ends_a_run_is_left_out(tmp_path: Path) -> None:
    write(tmp_path)
    expected = [(tag, step) for step in (50, 100) for tag in ("running/loss", "lr-Adam")]
    assert drawn(tmp_path, epochs=1, step=120) == [*expected, ("weights/0", 0), ("weights/0", 1)]


def test_a_point_in_two_files_is_given_once(tmp_path: Path) -> None:
    write(tmp_path)
    once = drawn(tmp_path, epochs=2, step=150)
    write(tmp_path)
    assert len(event_files(tmp_path)) == 2
    assert drawn(tmp_path, epochs=2, step=150) == once


def test_a_file_that_was_cut_short_gives_what_is_whole(tmp_path: Path) -> None:
    write(tmp_path)
    (path,) = event_files(tmp_path)
    path.write_bytes(path.read_bytes()[:-30])
    assert ("weights/0", 2) in drawn(tmp_path, epochs=9, step=999)
    assert ("best/loss/val", 0) not in drawn(tmp_path, epochs=9, step=999)
    remove([path])
    assert event_files(tmp_path) == []


def test_a_run_goes_on_with_the_curves_of_its_history_and_no_point_twice(tmp_path: Path) -> None:
    rows = [{"epoch": k, "step": 10 * k, "seconds": k, "loss/train": 1.0 - k, "loss/val": 2.0 - k} for k in range(3)]
    first = OverlayLogger(tmp_path)
    for row in rows:
        scores = {name: row[name] for name in ("loss/train", "loss/val")}
        first.log_metrics(scores, step=int(row["epoch"]))
        first.log_metrics({"running/loss": 0.5}, step=int(row["step"]))
    first.log_metrics({"loss/test": 3.0}, step=2)
    first.close()
    second = OverlayLogger(tmp_path)
    second.go_on(rows[:2], step=10)
    second.close()
    for split, values in (("train", [1.0, 0.0]), ("val", [2.0, 1.0])):
        events = EventAccumulator(str(tmp_path / split)).Reload().Scalars("loss")
        assert [(event.step, event.value) for event in events] == list(enumerate(values))
        assert events[1].wall_time - events[0].wall_time == 1, "as far apart as the epochs were"
    running = EventAccumulator(str(tmp_path)).Reload().Scalars("running/loss")
    assert [event.step for event in running] == [0, 10]
    assert event_files(tmp_path / "test") == []


def test_pictures_come_back_by_step_and_go_with_their_epoch(tmp_path: Path) -> None:
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
    assert {tag for tag, _ in drawn(tmp_path, epochs=1, step=999)} == {"shape/boundary"}
    assert len(drawn(tmp_path, epochs=1, step=999)) == 2
