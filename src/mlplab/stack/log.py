"""train.log of a member, as its single run would have written it."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mlplab.stack.member import Member

log = logging.getLogger(__name__)


@contextmanager
def logged(path: Path) -> Iterator[None]:
    """What is told meanwhile stands in that file, and not on the console."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    file = logging.FileHandler(path)
    root.handlers = [file]
    if level != logging.INFO:  # to set it makes all loggers forget what they know
        root.setLevel(logging.INFO)
    try:
        yield
    finally:
        root.handlers = handlers
        if level != logging.INFO:
            root.setLevel(level)
        file.close()


def tell(member: Member) -> None:
    """A line an epoch."""
    last = member.config.trainer.max_epochs
    width = len(str(last))
    lines = [
        f"epoch {row['epoch']:>{width}}/{last}  loss train {row['loss/train']:.4f}  val {row['loss/val']:.4f}"
        for row in member.rows[1:]
    ]
    if lines:
        log.info("\n".join(lines))
