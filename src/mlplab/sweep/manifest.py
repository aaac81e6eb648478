"""The jobs of a sweep as its folder keeps them: what each trains, which have finished, which go on."""

import json
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from importlib.metadata import version
from pathlib import Path
from typing import Any, get_args

from mlplab import files
from mlplab.config.groups import FORMAT
from mlplab.config.tree import flatten, format_value
from mlplab.errors import UserError
from mlplab.run.config_file import upgrade_config
from mlplab.run.folder import SWEEP_FILE, RunState, job_number, run_state

# nothing trained
COMMAND_KEYS = (
    *("run_dir", "sweep.name", "sweep.resume", "sweep.fail_fast", "sweep.ensemble", "ensemble", "allow", "debug"),
)
LIBRARIES = ("mlplab", "torch", "lightning")


@dataclass(frozen=True)
class Job:
    """name: its folder's, below the sweep's. words: of its command line. settings: what it trains, by dotted key."""

    name: str
    words: list[str]
    settings: dict[str, Any]


def trained_values(config: Mapping[str, Any]) -> dict[str, Any]:
    """Of a resolved configuration, as JSON holds it."""
    known: dict[str, Any] = {key: value for key, value in flatten(config) if key not in COMMAND_KEYS}
    return dict(json.loads(json.dumps(known)))


def write_manifest(folder: Path, jobs: Sequence[Job], arguments: Sequence[str]) -> None:
    """Write sweep.json. arguments: of the command line, as `words.completed` gives them."""
    first, *rest = [job.settings for job in jobs]
    shared = {key: value for key, value in first.items() if all(key in one and one[key] == value for one in rest)}
    held = {
        "format": FORMAT,
        "command": _command(arguments),
        "versions": {name: version(name) for name in LIBRARIES},
        "settings": shared,
        "jobs": [
            {
                "name": job.name,
                "words": [word for word in job.words if word.partition("=")[0] not in COMMAND_KEYS],
                "settings": {key: value for key, value in job.settings.items() if key not in shared},
            }
            for job in jobs
        ],
    }
    files.write(folder / SWEEP_FILE, json.dumps(held, indent=1) + "\n")


def read_manifest(folder: Path) -> list[Job]:
    """Of a sweep that was killed before it wrote the file: none. Raises Mistake for a folder that is no sweep's."""
    path = folder / SWEEP_FILE
    if not folder.is_dir():
        raise UserError(f"sweep.resume: there is no sweep {folder}; give the sweep.name of one to go on with")
    if not path.exists():
        if {one.name for one in folder.iterdir()} <= {files.temporary_name(path).name}:
            return []
        raise UserError(f"sweep.resume: {folder} has no {SWEEP_FILE}: it is no sweep, or one of an older mlplab")
    held = _held(path)
    version = held.get("format")
    settings = [_upgraded({**held["settings"], **job["settings"]}, version, str(path)) for job in held["jobs"]]
    return [Job(job["name"], job["words"], own) for job, own in zip(held["jobs"], settings, strict=True)]


def _upgraded(settings: dict[str, Any], version: object, where: str) -> dict[str, Any]:
    """By dotted key, as `trained_values` gives them in today's format."""
    if version == FORMAT:
        return settings
    nested: dict[str, Any] = {}
    for key, value in settings.items():
        *groups, name = key.split(".")
        reduce(lambda inner, group: inner.setdefault(group, {}), groups, nested)[name] = value
    return trained_values(upgrade_config(nested, version, where))


def merge_jobs(old: Sequence[Job], now: Sequence[Job], folder: Path) -> list[Job]:
    """The jobs of a command that goes on with a sweep: those of before by their number and in their folder, then new
    ones. Raises Mistake where one of before is not among them, or trains something else."""
    left, kept = list(now), []
    for job in old:
        place = next((place for place, one in enumerate(left) if one.settings == job.settings), None)
        if place is None:
            raise UserError(_missing(job, left or now, folder))
        kept.append(replace(left.pop(place), name=job.name))
    return kept + [replace(job, name=_renumbered(job.name, number)) for number, job in enumerate(left, len(old))]


def changed_versions(folder: Path) -> list[str]:
    """Each library that was another when the sweep began."""
    then = _held(folder / SWEEP_FILE)["versions"] if (folder / SWEEP_FILE).exists() else {}
    return [f"{name} {then[name]} then, {version(name)} now" for name in then if then[name] != version(name)]


def resume_hint(folder: Path) -> str:
    """How far a sweep came, and the command that goes on with it."""
    return f"{progress_text(folder, read_manifest(folder))}; go on by: {_held(folder / SWEEP_FILE)['command']}"


def progress_text(folder: Path, jobs: Sequence[Job]) -> str:
    found = Counter(run_state(folder / job.name) for job in jobs)
    return ", ".join(f"{found[name]} {name}" for name in get_args(RunState) if found[name])


def _command(arguments: Sequence[str]) -> str:
    typed = [word for word in arguments if not word.startswith("hydra.job.config.override_dirname.exclude_keys=")]
    typed = ["sweep.halving=true" if word == "hydra/sweeper=halving" else word for word in typed]
    if not any(word.startswith("sweep.resume=") for word in typed):
        typed.append("sweep.resume=true")
    return shlex.join(["python", "scripts/train.py", *typed])


def _held(path: Path) -> dict[str, Any]:
    try:
        held: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        _ = held["settings"], held["versions"], held["command"], [job["name"] for job in held["jobs"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path}: cannot be read; name another sweep by sweep.name=") from error
    return held


def _missing(job: Job, now: Sequence[Job], folder: Path) -> str:
    """What it trained, against the nearest of now."""
    found = [_different(job.settings, one.settings) for one in now]
    keys = min(found, key=len)
    nearest = now[found.index(keys)].settings
    told = ", ".join(
        f"{key}={format_value(job.settings.get(key))} then, {format_value(nearest.get(key))} now" for key in keys[:3]
    )
    more = f" and {len(keys) - 3} keys more" if len(keys) > 3 else ""
    what = f"job {job_number(job.name)} of {folder} is not among the jobs of this command"
    return f"sweep.resume: {what} ({told}{more}): a sweep may grow, not change; give all of it, or another sweep.name"


def _different(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    keys = dict.fromkeys([*one, *other])
    return [key for key in keys if key not in one or key not in other or one[key] != other[key]]


def _renumbered(name: str, number: int) -> str:
    return f"{number}_{name.partition('_')[2]}"
