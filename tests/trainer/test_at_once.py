"""What is written at once is what TensorBoard's own writer would have written."""

from pathlib import Path

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_file_loader import LegacyEventFileLoader
from torch.utils.tensorboard import SummaryWriter

from mlplab.trainer.event_files import FastSummaryWriter, event_files


def told(folder: Path) -> list[bytes]:
    """All events but the first, which holds the writer's name."""
    (path,) = event_files(folder)
    return [event.SerializeToString() for event in list(LegacyEventFileLoader(str(path)).Load())[1:]]


def test_the_same_events_come_to_the_file(tmp_path: Path) -> None:
    for name, kind in (("theirs", SummaryWriter), ("ours", FastSummaryWriter)):
        writer = kind(str(tmp_path / name))
        for step in range(20):
            writer.add_scalar("loss", 1 / (step + 1), step, walltime=100.0 + step)
        writer.add_text("verdict", "fits", 3, walltime=5.0)
        writer.flush()
        writer.add_image("picture", np.zeros((3, 4, 4), np.uint8), 4, walltime=6.0)
        writer.close()
    assert told(tmp_path / "ours") == told(tmp_path / "theirs")
    assert len(told(tmp_path / "ours")) == 22


def test_nothing_is_kept_back_after_a_flush(tmp_path: Path) -> None:
    writer = FastSummaryWriter(str(tmp_path))
    writer.add_scalar("loss", 1.0, 0)
    writer.flush()
    assert len(told(tmp_path)) == 1
    writer.add_scalar("loss", 0.5, 1)
    writer.flush()
    writer.flush()
    assert len(told(tmp_path)) == 2


def test_a_disk_that_refuses_is_told_to_the_caller(tmp_path: Path) -> None:
    writer = FastSummaryWriter(str(tmp_path / "run"))
    writer.add_scalar("loss", 1.0, 0)
    (tmp_path / "run").rename(tmp_path / "gone")
    with pytest.raises(OSError, match="No such file"):
        writer.flush()
