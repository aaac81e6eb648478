"""Reads a run folder as compare shows it; a run that cannot be shown is left out with a note."""

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
from mlplab.config.schema import METRICS, is_regression
from mlplab.config.tree import flatten, format_value, select
from mlplab.config.validate import TYPE_NAMES
from mlplab.errors import UserError
from mlplab.run.config_file import LOADER, upgrade_config
from mlplab.run.folder import RunState, read_reason, run_state
from mlplab.trainer.history_file import read_history

SOURCES = ("path", "target", "function", "subset")  # keys in which datasets of one name differ
SPLITS = ("/train", "/val", "/test")
UNTYPED = ("run_dir", "debug", "allow", "format", "sweep", "report", "choice")  # keys and groups that change no result
# keys that leave the rows and targets of val and test as they are; folds are part of the name of the data
SAME_ROWS = (
    *("_target_", *SOURCES, "root", "num_train", "label_noise", "leak_check", "ignore", "separator", "size", "grey"),
    "folds",
)

Kind = TypeVar("Kind")


@dataclass(frozen=True)
class RunRecord:
    """data: the dataset's name, and what datasets of one name differ in. rows: the keys of `data` that decide on which
    rows and targets a run is measured. scores: the finite ones, by `<name>/<split>`. config: config.yaml by dotted
    keys. report: scores.json. failure: why it failed or was pruned, in one line.
    """

    folder: Path
    choice: dict[str, str]
    data: str
    rows: dict[str, str]
    headline: str
    lr: float
    scores: dict[str, float]
    epochs: str
    state: RunState
    written: float
    date: str
    config: dict[str, Any]
    report: dict[str, Any]
    failure: str

    @property
    def members(self) -> int:
        """The number of networks of an ensemble; 0 for a run that was trained."""
        return int(self.config.get("ensemble") or 0)

    @cached_property
    def overrides(self) -> dict[str, str]:
        """Every value as it is typed; a choice by the name of its group."""
        config = self.config.items()
        chosen = {key.removeprefix("choice."): value for key, value in config if key.startswith("choice.")}
        callbacks = dict.fromkeys(key.split(".")[1] for key, _ in config if key.startswith("callback."))
        others = {key: value for key, value in config if key.partition(".")[0] not in UNTYPED}
        named = {**chosen, **others, "callback": "+".join(map(str, callbacks)) or "none"}
        return {str(key): _short(value) for key, value in named.items()}


def read_record(folder: Path) -> RunRecord | None:
    """Returns None, and prints a note, where config.yaml or scores.json lacks what the table needs."""
    try:
        return _read(folder)
    except UserError as error:
        reason = str(error)
    except (OSError, ValueError, TypeError, OverflowError, RecursionError):
        reason = "its config.yaml or scores.json cannot be read"
    print(f"note: {folder} was left out; {reason}")
    return None


def _read(folder: Path) -> RunRecord:
    """Raises UserError for a missing key, or a value of the wrong type."""
    config = _read_mapping(folder / "config.yaml", lambda text: yaml.load(text, LOADER))
    if config.get("format") in range(1, FORMAT):
        config = upgrade_config(config, config["format"], "config.yaml")
    state = run_state(folder)
    finished = state == "finished"
    scores = _read_mapping(folder / "scores.json", json.loads) if finished else {}

    def needed(key: str, kind: type[Kind]) -> Kind:
        return _kind(select(config, key), kind, f"config.yaml: {key}")

    choice = {group: needed(f"choice.{group}", str) for group in ("data", "model", "learner", "loss", "optimizer")}
    data = needed("data", dict)
    planned = needed("trainer.max_epochs", int)
    is_ensemble = bool(select(config, "ensemble"))
    if is_ensemble:
        done = needed("ensemble", int)
        _kind(scores.get("members", []), list, "scores.json: members")
    else:
        done = _kind(scores.get("epochs"), int, "scores.json: epochs") if finished else _epochs(folder)
    measured = {name: _kind(scores[name], float, f"scores.json: {name}") for name in scores if name.endswith(SPLITS)}
    written = (folder / "config.yaml").stat().st_mtime
    return RunRecord(
        folder=folder,
        choice=choice,
        data=_dataset_name(choice["data"], data),
        rows={
            str(key): format_value(value) for key, value in data.items() if key not in (*SAME_ROWS, *_unused_keys(data))
        },
        headline=_headline(choice["learner"]),
        lr=needed("optimizer.lr", float),
        scores={name: value for name, value in measured.items() if math.isfinite(value)},
        epochs=f"ensemble of {done}" if is_ensemble else str(done) if done == planned else f"{done} of {planned}",
        state=state,
        written=written,
        date=datetime.fromtimestamp(written).strftime("%Y-%m-%d %H:%M"),
        config=dict(flatten(config)),
        report=scores,
        failure="" if finished else read_reason(folder),
    )


def _dataset_name(name: str, data: dict[str, Any]) -> str:
    """Results on folds compare with nothing that was not measured on as many."""
    folds = data.get("folds")
    sources = [format_value(data[key]) for key in SOURCES if data.get(key)]
    return " ".join([name, *sources, *([] if folds is None else [f"in {format_value(folds)} folds"])])


def _unused_keys(data: dict[str, Any]) -> tuple[str, ...]:
    """Returns the keys that have no effect because of data.folds."""
    return ("fold",) if data.get("folds") is None else ("val_fraction",)


def _read_mapping(path: Path, read: Callable[[str], Any]) -> dict[str, Any]:
    try:
        content = read(path.read_text(encoding="utf-8"))
    except (ValueError, TypeError, yaml.YAMLError, RecursionError) as error:
        raise UserError(f"{path.name} cannot be read") from error
    if not isinstance(content, dict):
        raise UserError(f"{path.name} holds no keys and values")
    return content


def _kind(value: Any, kind: type[Kind], where: str) -> Kind:
    """Returns a value of this type; an int counts as a float, an empty string or mapping as missing."""
    if kind is float and type(value) is int:
        value = float(value)
    if type(value) is kind and value not in ("", {}):
        return value
    raise UserError(f"{where}={' '.join(format_value(value).split())[:80]}: must be {TYPE_NAMES.get(kind, 'a string')}")


def _headline(learner: str) -> str:
    """Returns the metric that compares runs with different losses."""
    if learner not in METRICS:
        raise UserError(f"config.yaml: choice.learner={learner}: must be one of {', '.join(METRICS)}")
    return "r2" if is_regression(learner) else "accuracy"


def _short(value: Any) -> str:
    """Formats 1e8 as 1e+08, and 1.0 as 1."""
    return f"{value:g}" if isinstance(value, float) and float(f"{value:g}") == value else format_value(value)


def _epochs(folder: Path) -> int:
    """Returns the epochs that a run has trained so far; row 0 comes before the first."""
    history = folder / "history.csv"
    return max(0, len(read_history(history)) - 1) if history.exists() else 0
