"""sweep.json: the jobs of a sweep, what each trains, the command; compared with the new command on resume."""

import json
import shlex
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
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

# keys that do not change what is trained
COMMAND_KEYS = (
    *("run_dir", "sweep.name", "sweep.resume", "sweep.fail_fast", "sweep.ensemble", "ensemble", "allow", "debug"),
)
LIBRARIES = ("mlplab", "torch", "lightning")


@dataclass(frozen=True)
class Job:
    """name: of its folder within the sweep's. overrides: of its command line. settings: what it trains, by dotted
    key."""

    name: str
    overrides: list[str]
    settings: dict[str, Any]


def trained_values(config: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the values of a resolved configuration that change what is trained, by dotted key, as JSON stores
    them."""
    values: dict[str, Any] = {key: value for key, value in flatten(config) if key not in COMMAND_KEYS}
    return dict(json.loads(json.dumps(values)))


def write_manifest(folder: Path, jobs: Sequence[Job], arguments: Sequence[str]) -> None:
    """Writes sweep.json; values that all jobs share are written once. arguments: of the command line, as
    `expand_overrides` returns them."""
    first, *rest = [job.settings for job in jobs]
    shared = {key: value for key, value in first.items() if all(key in job and job[key] == value for job in rest)}
    manifest = {
        "format": FORMAT,
        "command": _command(arguments),
        "versions": {name: version(name) for name in LIBRARIES},
        "settings": shared,
        "jobs": [
            {
                "name": job.name,
                "words": [override for override in job.overrides if override.partition("=")[0] not in COMMAND_KEYS],
                "settings": {key: value for key, value in job.settings.items() if key not in shared},
            }
            for job in jobs
        ],
    }
    files.write(folder / SWEEP_FILE, json.dumps(manifest, indent=1) + "\n")


def read_manifest(folder: Path) -> list[Job]:
    """Returns the jobs of sweep.json; none if the sweep was killed before it was written. Raises UserError for a folder
    that is not a sweep's."""
    path = folder / SWEEP_FILE
    if not folder.is_dir():
        raise UserError(f"sweep.resume: there is no sweep {folder}; give the sweep.name of the sweep to resume")
    if not path.exists():
        if {entry.name for entry in folder.iterdir()} <= {files.temporary_name(path).name, files.LOCK_FILE}:
            return []
        raise UserError(f"sweep.resume: {folder} has no {SWEEP_FILE}: not a sweep, or one of an older mlplab")
    manifest = _read(path)
    jobs, shared = manifest["jobs"], manifest["settings"]
    settings = [_upgrade({**shared, **job["settings"]}, manifest.get("format"), str(path)) for job in jobs]
    return [Job(job["name"], job["words"], values) for job, values in zip(jobs, settings, strict=True)]


def _upgrade(settings: dict[str, Any], version: object, where: str) -> dict[str, Any]:
    """Returns the values by dotted key as `trained_values` does in today's format."""
    if version == FORMAT:
        return settings
    nested: dict[str, Any] = {}
    for key, value in settings.items():
        *groups, name = key.split(".")
        reduce(lambda inner, group: inner.setdefault(group, {}), groups, nested)[name] = value
    return trained_values(upgrade_config(nested, version, where))


def merge_jobs(before: Sequence[Job], now: Sequence[Job], folder: Path) -> list[Job]:
    """Returns the jobs of a resumed sweep: the earlier ones with their numbers and folders, then the new ones. Raises
    UserError if an earlier job is missing or trains something else."""
    added, merged = list(now), []
    for job in before:
        place = next((place for place, other in enumerate(added) if other.settings == job.settings), None)
        if place is None:
            raise UserError(_missing_job(job, added or now, folder))
        merged.append(replace(added.pop(place), name=job.name))
    new = enumerate(added, start=len(before))
    return merged + [replace(job, name=f"{number}_{job.name.partition('_')[2]}") for number, job in new]


def changed_versions(folder: Path) -> list[str]:
    """Returns one text for each library whose version differs from the one with which the sweep was started."""
    then = _read(folder / SWEEP_FILE)["versions"] if (folder / SWEEP_FILE).exists() else {}
    return [f"{name} {then[name]} then, {version(name)} now" for name in then if then[name] != version(name)]


def resume_hint(folder: Path) -> str:
    """Returns the progress of a sweep, and the command that resumes it."""
    return f"{progress_text(folder, read_manifest(folder))}; resume by: {_read(folder / SWEEP_FILE)['command']}"


def progress_text(folder: Path, jobs: Sequence[Job]) -> str:
    """Returns how many jobs are in each state: `2 finished, 1 new`."""
    counts = Counter(run_state(folder / job.name) for job in jobs)
    return ", ".join(f"{counts[state]} {state}" for state in get_args(RunState) if counts[state])


def _command(arguments: Sequence[str]) -> str:
    """Returns the command that resumes the sweep: as the user typed it, with sweep.resume=true."""
    typed = [text for text in arguments if not text.startswith("hydra.job.config.override_dirname.exclude_keys=")]
    typed = ["sweep.halving=true" if text == "hydra/sweeper=halving" else text for text in typed]
    if not any(text.startswith("sweep.resume=") for text in typed):
        typed.append("sweep.resume=true")
    return shlex.join(["python", "scripts/train.py", *typed])


def _read(path: Path) -> dict[str, Any]:
    with damage_reported(path):
        manifest: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        _ = manifest["settings"], manifest["versions"], manifest["command"], [job["name"] for job in manifest["jobs"]]
    return manifest


@contextmanager
def damage_reported(path: Path) -> Iterator[None]:
    """Raises UserError where a file of the sweep is not of the expected form."""
    try:
        yield
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path}: cannot be read; give another sweep.name") from error


def _missing_job(job: Job, now: Sequence[Job], folder: Path) -> str:
    """Returns the message for an earlier job that is missing now: how the most similar job differs."""
    differences = [_differing_keys(job.settings, other.settings) for other in now]
    keys = min(differences, key=len)
    nearest = now[differences.index(keys)].settings
    shown = ", ".join(
        f"{key}={format_value(job.settings.get(key))} then, {format_value(nearest.get(key))} now" for key in keys[:3]
    )
    more = f" and {len(keys) - 3} more keys" if len(keys) > 3 else ""
    what = f"job {job_number(job.name)} of {folder} is not among the jobs of this command"
    return (
        f"sweep.resume: {what} ({shown}{more}): a sweep may grow but not change; give all its values, "
        "or another sweep.name"
    )


def _differing_keys(settings: Mapping[str, Any], others: Mapping[str, Any]) -> list[str]:
    keys = dict.fromkeys([*settings, *others])
    return [key for key in keys if key not in settings or key not in others or settings[key] != others[key]]
