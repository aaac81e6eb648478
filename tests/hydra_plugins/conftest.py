"""Sweeps in the process of the test: in its own folder, with the logging of Hydra's jobs removed afterwards."""

import logging
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def sweep_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of a sweep with sweep.name=s; the working folder is a temporary one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLPLAB_SWEEP", "")  # the sweep sets it
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    root, handlers = logging.getLogger(), list(logging.getLogger().handlers)
    level = root.level
    yield tmp_path / "outputs" / "sweeps" / "s"
    for handler in [one for one in root.handlers if one not in handlers]:
        root.removeHandler(handler)
        handler.close()
    for handler in [one for one in handlers if one not in root.handlers]:
        root.addHandler(handler)
    root.setLevel(level)
