"""Renamed values of keys: overrides, YAML files and stored runs may use the old ones for one format."""

import sys
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

TASKS = {"classes": "classification", "values": "regression"}  # of data.task, until format 7


def rename_overrides(overrides: Sequence[str]) -> list[str]:
    """Replaces old values, with a note on stderr."""
    return [f"data.task={_task(text[10:])}" if text.startswith("data.task=") else text for text in overrides]


def rename_values(data: Any, note: bool = False) -> Any:
    """Returns the group `data` without old values. note: whether to print a note on stderr."""
    if not isinstance(data, Mapping) or data.get("task") not in list(TASKS):
        return data
    return {**data, "task": _task(data["task"]) if note else TASKS[data["task"]]}


def _task(value: str) -> str:
    tasks = value.split(",")
    for old in tasks:
        if old in TASKS:
            _print_note(f"data.task={old}", f"data.task={TASKS[old]}")
    return ",".join(TASKS.get(task, task) for task in tasks)


@cache  # once a process
def _print_note(old: str, new: str) -> None:
    print(f"note: {old} was renamed to {new}; the old name works until the next format", file=sys.stderr)
