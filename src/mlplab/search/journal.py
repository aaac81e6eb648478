"""The file of a search's record: as Optuna's, but a kill leaves no lock, and scores do not wait for the disk.

Optuna's own lock is a file that stays behind a process that is killed while it writes, and everyone then waits for half
a minute; and it puts each score of each epoch on the disk by itself, which takes longer than an epoch of a small net.
"""

import json
import os
from pathlib import Path
from typing import Any

from optuna.storages.journal import JournalFileBackend

from mlplab.files import alone


class Journal(JournalFileBackend):
    """One line an entry. What was decided is on the disk once it is written; the scores of epochs, which stand in the
    history of the job too, go there with what is decided next."""

    def __init__(self, path: Path) -> None:
        super().__init__(str(path))
        self.path = path

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        lines = "".join(json.dumps(log, separators=(",", ":")) + "\n" for log in logs)
        with alone(self.path.with_name("journal.lock")), open(self.path, "r+b") as file:
            file.seek(_whole(file))
            file.truncate()
            file.write(lines.encode())
            file.flush()
            if any("intermediate_value" not in log for log in logs):
                os.fsync(file.fileno())


def _whole(file: Any) -> int:
    """Up to where there are whole lines: a power cut or a full disk may leave part of one."""
    end: int = file.seek(0, os.SEEK_END)
    while end > 0:
        file.seek(end - 1)
        if file.read(1) == b"\n":
            break
        end -= 1
    return end
