"""Progress output: one live line on a terminal, one plain line per epoch elsewhere."""

import csv
import fcntl
import io
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path
from typing import Any

import pytest
from lightning import Callback, Trainer
from rich.console import Console

import mlplab
from mlplab.run.build import Components, build
from mlplab.trainer.progress import ProgressLine
from tests.conftest import REPO, run_script

LOG = "mlplab.trainer.progress"
LINE = re.compile(
    r"epoch +(?P<epoch>\d+)/(?P<last>\d+)  loss train (?P<train>\d+\.\d{4})  val (?P<val>\d+\.\d{4})"
    r"  (?P<speed>[\d,]+) samples/s  (?P<left>[\d:]+) left"
)
HIDE, SHOW = "\x1b[?25l", "\x1b[?25h"  # the cursor, by which a live line begins and ends
TINY = ("data=iris", "model.hidden_features=[8]", "report.picture=false")


class Pause(Callback):
    """Every epoch takes 0.3 s at least; ends the run after `epochs`, if given."""

    def __init__(self, epochs: int | None = None) -> None:
        self.epochs = epochs

    def on_train_epoch_start(self, trainer: Trainer, learner: Any) -> None:
        time.sleep(0.3)

    def on_train_epoch_end(self, trainer: Trainer, learner: Any) -> None:
        trainer.should_stop = trainer.current_epoch + 1 == self.epochs


class Trip(Callback):
    def on_train_epoch_end(self, trainer: Trainer, learner: Any) -> None:
        raise RuntimeError("tripped")


def lab_with(tmp_path: Path, console: Console, *overrides: str) -> Components:
    lab = build(mlplab.configure(f"run_dir={tmp_path / 'run'}", *TINY, *overrides))
    (tmp_path / "run").mkdir()
    progress = next(callback for callback in lab.trainer.callbacks if isinstance(callback, ProgressLine))
    progress.console = console
    return lab


def drawn(console: Console) -> list[str]:
    """The frames of a live line, without colours."""
    assert isinstance(console.file, io.StringIO)
    return frames(console.file.getvalue())


def frames(text: str) -> list[str]:
    live = text.partition(HIDE)[2].partition(SHOW)[0]
    return [re.sub(r"\x1b\[[\d;]*m", "", frame).strip() for frame in live.split("\r\x1b[2K")]


def seconds(clock: str) -> int:
    total = 0
    for part in clock.split(":"):
        total = 60 * total + int(part)
    return total


def on_a_terminal(cwd: Path, columns: int, *arguments: str) -> tuple[int, str]:
    """The exit status of train.py and all that a terminal of that width was sent."""
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    kept = {name: value for name, value in os.environ.items() if name not in ("FORCE_COLOR", "TTY_COMPATIBLE")}
    command = [sys.executable, str(REPO / "scripts" / "train.py"), *arguments]
    with subprocess.Popen(command, cwd=cwd, env={**kept, "TERM": "xterm"}, stdin=its, stdout=its, stderr=its) as run:
        os.close(its)
        sent = b""
        while True:
            try:
                sent += (chunk := os.read(ours, 65536))
            except OSError:  # Linux's word for the end
                break
            if not chunk:
                break
    os.close(ours)
    return run.returncode, sent.decode()


@pytest.mark.slow
def test_off_a_terminal_each_epoch_is_one_plain_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    done = run_script("train", *TINY, "trainer.max_epochs=3", "run_dir=run", cwd=tmp_path)
    assert done.returncode == 0
    assert not re.search(r"[\x1b\r]", done.stdout + done.stderr)
    lines = [line for line in done.stdout.splitlines() if line.startswith("epoch")]
    with open(tmp_path / "run" / "history.csv", newline="") as file:
        rows = [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]
    found = [LINE.fullmatch(line) for line in lines]
    assert [line and line.group("epoch", "last", "train", "val") for line in found] == [
        (str(epoch), "3", f"{rows[epoch]['loss/train']:.4f}", f"{rows[epoch]['loss/val']:.4f}") for epoch in (1, 2, 3)
    ]
    assert found[-1] is not None
    assert found[-1]["left"] == "0:00"
    logged = (tmp_path / "run" / "train.log").read_text().splitlines()
    assert [line for line in logged if line.startswith("epoch")] == lines


@pytest.mark.slow
def test_on_a_terminal_there_is_one_live_line(tmp_path: Path) -> None:
    status, sent = on_a_terminal(tmp_path, 120, *TINY, "trainer.max_epochs=2000")
    assert status == 0
    assert sent.count(HIDE) == sent.count(SHOW) == 1, "one live line, and the cursor is back"
    live = sent.partition(HIDE)[2].partition(SHOW)[0]
    assert live.count("\n") == 1, "no frame leaves a line behind, the last one stays"
    found = [LINE.search(frame) for frame in frames(sent)]
    assert len(found) > 1
    assert all(found)
    epochs = [int(frame["epoch"]) for frame in found if frame]
    assert epochs == sorted(epochs)
    assert epochs[-1] == 2000
    assert len(LINE.findall(sent)) == len(found), "and no plain lines beside it"


def test_the_live_line_fits_a_terminal_of_80_columns(tmp_path: Path) -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=80)
    lab = lab_with(tmp_path, console, "trainer.max_epochs=2")
    lab.trainer.fit(lab.learner, datamodule=lab.batches)
    lab.overlay.close()
    assert all(len(frame) <= 80 for frame in drawn(console))
    assert LINE.search(drawn(console)[-1]), drawn(console)[-1]


def test_a_run_that_fails_restores_the_terminal(tmp_path: Path) -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=120)
    lab = lab_with(tmp_path, console, "trainer.max_epochs=2")
    lab.trainer.callbacks.append(Trip())
    with pytest.raises(RuntimeError, match="tripped"):
        lab.trainer.fit(lab.learner, datamodule=lab.batches)
    lab.overlay.close()
    assert isinstance(console.file, io.StringIO)
    assert console.file.getvalue().rfind(SHOW) > console.file.getvalue().rfind(HIDE) >= 0


def test_speed_and_remaining_time_follow_from_rows_and_epochs(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """90 rows in 0.3 s at least: 300 rows a second at most, and 0.3 s at least for each epoch to come."""
    lab = lab_with(tmp_path, Console(file=io.StringIO(), force_terminal=False), "trainer.max_epochs=4")
    lab.trainer.callbacks.append(Pause())
    with caplog.at_level("INFO", logger=LOG):
        lab.trainer.fit(lab.learner, datamodule=lab.batches)
    lab.overlay.close()
    found = [LINE.fullmatch(record.message) for record in caplog.records if record.name == LOG]
    assert [line and line["epoch"] for line in found] == ["1", "2", "3", "4"]
    for line in filter(None, found):
        speed = float(line["speed"].replace(",", ""))
        assert 30 < speed <= 300
        expected = (4 - int(line["epoch"])) * 90 / speed
        assert seconds(line["left"]) == pytest.approx(expected, abs=0.8)


def test_remaining_hours_are_printed_as_hours(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """After the first of 40,001 epochs of 0.3 s at least, 12,000 s or more are left: 3:20:00."""
    lab = lab_with(tmp_path, Console(file=io.StringIO(), force_terminal=False), "trainer.max_epochs=40001")
    lab.trainer.callbacks.append(Pause(epochs=1))
    with caplog.at_level("INFO", logger=LOG):
        lab.trainer.fit(lab.learner, datamodule=lab.batches)
    lab.overlay.close()
    (line,) = (LINE.fullmatch(record.message) for record in caplog.records if record.name == LOG)
    assert line is not None
    assert re.fullmatch(r"\d+:\d\d:\d\d", line["left"])
    assert seconds(line["left"]) >= 12_000
    assert seconds(line["left"]) == pytest.approx(40_000 * 90 / float(line["speed"]), rel=0.03)
