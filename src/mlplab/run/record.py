"""A run as the table of compare shows it, from its folder; one that cannot be shown is left out with a note."""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import yaml

from mlplab.config.groups import FORMAT
from mlplab.config.schema import METRICS
from mlplab.config.tree import flatten, format_value, select
from mlplab.config.validate import TYPE_NAMES
from mlplab.errors import UserError
from mlplab.run.config_file import LOADER, upgrade_config
from mlplab.run.folder import PRUNED_FILE

SOURCES = ("path", "target", "function", "subset")  # by which datasets of one name differ
SPLITS = ("/train", "/val", "/test")
UNTYPED = ("run_dir", "debug", "allow", "format", "sweep", "report", "choice")  # keys and groups that change no number
# what leaves the rows of val and test, and their targets, as they are; folds are part of what the data are called
ASIDE = (
    *("_target_", *SOURCES, "root", "num_train", "label_noise", "leak_check", "ignore", "separator", "size", "grey"),
    "folds",
)

Kind = TypeVar("Kind")


@dataclass(frozen=True)
class RunRecord:
    """data: the dataset, with what those of one name differ by. rows: by what the rows and targets that measure a run
    may be others than those of another on the same data. scores: by `<name>/<split>`, those that are finite. settings:
    config.yaml by dotted keys. report: scores.json as it is. failure: why it failed, or was pruned, in one line.
    """

    folder: Path
    choice: dict[str, str]
    data: str
    rows: dict[str, str]
    headline: str
    lr: float
    scores: dict[str, float]
    epochs: str
    state: str
    written: float
    date: str
    settings: dict[str, Any]
    report: dict[str, Any]
    failure: str

    @property
    def members(self) -> int:
        """Of an ensemble; 0 of a run that was trained."""
        return int(self.settings.get("ensemble") or 0)

    @cached_property
    def words(self) -> dict[str, str]:
        """Every setting as it is typed; a choice by its group's name."""
        held = self.settings.items()
        chosen = {key.removeprefix("choice."): value for key, value in held if key.startswith("choice.")}
        callbacks = dict.fromkeys(key.split(".")[1] for key, _ in held if key.startswith("callback."))
        others = {key: value for key, value in held if key.partition(".")[0] not in UNTYPED}
        told = {**chosen, **others, "callback": "+".join(map(str, callbacks)) or "none"}
        return {str(key): _short(value) for key, value in told.items()}


def read_record(folder: Path) -> RunRecord | None:
    """None, with a note, where config.yaml or scores.json has not what the table needs."""
    try:
        return _run(folder)
    except UserError as mistake:
        reason = str(mistake)
    except (OSError, ValueError, OverflowError, RecursionError):
        reason = "its config.yaml or scores.json cannot be read"
    print(f"note: {folder} was left out; {reason}")
    return None


def _run(folder: Path) -> RunRecord:
    """Raises Mistake for what is missing, or of another kind than a run's."""
    config = _read_mapping(folder / "config.yaml", lambda text: yaml.load(text, LOADER))
    if config.get("format") in range(1, FORMAT):
        config = upgrade_config(config, config["format"], "config.yaml")
    finished = (folder / "scores.json").exists()
    scores = _read_mapping(folder / "scores.json", json.loads) if finished else {}

    def needed(key: str, kind: type[Kind]) -> Kind:
        return _kind(select(config, key), kind, f"config.yaml: {key}")

    choice = {group: needed(f"choice.{group}", str) for group in ("data", "model", "learner", "loss", "optimizer")}
    data = needed("data", dict)
    planned = needed("trainer.max_epochs", int)
    united = select(config, "ensemble")
    if united:
        done = needed("ensemble", int)
        _kind(scores.get("members", []), list, "scores.json: members")
    else:
        done = _kind(scores.get("epochs"), int, "scores.json: epochs") if finished else _epochs(folder / "history.csv")
    measured = {name: _kind(scores[name], float, f"scores.json: {name}") for name in scores if name.endswith(SPLITS)}
    written = (folder / "config.yaml").stat().st_mtime
    return RunRecord(
        folder=folder,
        choice=choice,
        data=_called(choice["data"], data),
        rows={str(key): format_value(value) for key, value in data.items() if key not in (*ASIDE, *_unread(data))},
        headline=_headline(choice["learner"]),
        lr=needed("optimizer.lr", float),
        scores={name: value for name, value in measured.items() if math.isfinite(value)},
        epochs=f"ensemble of {done}" if united else str(done) if done == planned else f"{done} of {planned}",
        state="finished" if finished else _end(folder),
        written=written,
        date=datetime.fromtimestamp(written).strftime("%Y-%m-%d %H:%M"),
        settings=dict(flatten(config)),
        report=scores,
        failure="" if finished else _reason(folder / PRUNED_FILE) or _reason(folder / "failure.txt"),
    )


def _called(name: str, data: dict[str, Any]) -> str:
    """What was measured on folds is one with nothing else."""
    folds = data.get("folds")
    sources = [format_value(data[key]) for key in SOURCES if data.get(key)]
    return " ".join([name, *sources, *([] if folds is None else [f"in {format_value(folds)} folds"])])


def _unread(data: dict[str, Any]) -> tuple[str, ...]:
    """Keys of a split that another key sets aside."""
    return ("fold",) if data.get("folds") is None else ("val_fraction",)


def _read_mapping(path: Path, read: Callable[[str], Any]) -> dict[str, Any]:
    try:
        held = read(path.read_text(encoding="utf-8"))
    except (ValueError, TypeError, yaml.YAMLError, RecursionError) as error:
        raise UserError(f"{path.name} cannot be read") from error
    if not isinstance(held, dict):
        raise UserError(f"{path.name} holds no keys and values")
    return held


def _kind(value: Any, kind: type[Kind], where: str) -> Kind:
    """An int may stand for a float; what is empty is of no kind."""
    if kind is float and type(value) is int:
        value = float(value)
    if type(value) is kind and value not in ("", {}):
        return value
    raise UserError(f"{where}={' '.join(format_value(value).split())[:80]}: must be {TYPE_NAMES.get(kind, 'a string')}")


def _headline(learner: str) -> str:
    """What losses of different kinds share."""
    if learner not in METRICS:
        raise UserError(f"config.yaml: choice.learner={learner}: must be one of {', '.join(METRICS)}")
    return "r2" if learner == "regressor" else "accuracy"


def _short(value: Any) -> str:
    """1e+08 for a hundred million, 1 for 1.0."""
    return f"{value:g}" if isinstance(value, float) and float(f"{value:g}") == value else format_value(value)


def _reason(failure: Path) -> str:
    return " ".join(failure.read_text(encoding="utf-8", errors="replace").split()) if failure.exists() else ""


def _end(folder: Path) -> str:
    """Of a run without scores.json."""
    ends = {PRUNED_FILE: "pruned", "failure.txt": "failed"}
    return next((state for name, state in ends.items() if (folder / name).exists()), "unfinished")


def _epochs(history: Path) -> int:
    """Of a run that has not finished: lines of the history but its header and epoch 0."""
    return max(0, len(history.read_bytes().splitlines()) - 2) if history.exists() else 0
