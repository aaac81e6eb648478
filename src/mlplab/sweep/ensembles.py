"""Ensembles of a sweep: which jobs form one, and its folder, written when all of them have finished."""

import json
import re
import sys
from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path

from mlplab.run.folder import job_number, run_state
from mlplab.signals import defer_signals
from mlplab.sweep.manifest import Job

MAX_LENGTH = 100  # characters of a folder's name, as for a job
PREFIX = "ensemble"  # where the name of a job's folder has its number


def group_by_seed(jobs: Sequence[Job]) -> dict[str, list[Job]]:
    """Returns the jobs whose settings differ only in the seed, one for each seed, by the name of their ensemble."""
    groups: dict[str, dict[int, Job]] = {}
    for job in jobs:
        shared = {key: value for key, value in job.settings.items() if key != "seed"}
        groups.setdefault(json.dumps(shared, sort_keys=True), {}).setdefault(job.settings["seed"], job)
    named: dict[str, list[Job]] = {}
    for settings, members in groups.items():
        name = _name(next(iter(members.values())))
        if len(name) >= MAX_LENGTH or name in named:  # truncated, or equal once unsafe characters are `-`
            name = f"{name[: MAX_LENGTH - 9]}_{blake2b(settings.encode(), digest_size=4).hexdigest()}"
        named[name] = [*members.values()]
    return named


def write_ensembles(sweep: Path, jobs: Sequence[Job]) -> int:
    """Builds the ensembles in the sweep's folder. Returns how many could not be built; prints one line for each."""
    groups = group_by_seed(jobs)
    reasons = {name: _unfinished(sweep, members) for name, members in groups.items()}
    complete = {sweep / name: [sweep / job.name for job in groups[name]] for name in groups if not reasons[name]}
    if complete:
        with defer_signals():
            from mlplab.run.ensemble import build_ensembles
        reasons |= {folder.name: reason for folder, reason in build_ensembles(complete).items()}
    for name, reason in reasons.items():
        if reason:
            print(f"mlplab: {name} was not built: {reason}", file=sys.stderr, flush=True)
    return sum(map(bool, reasons.values()))


def _unfinished(sweep: Path, members: Sequence[Job]) -> str:
    missing = [job_number(job.name) for job in members if run_state(sweep / job.name) != "finished"]
    if not missing:
        return ""
    numbers = f"{'jobs' if len(missing) > 1 else 'job'} {', '.join(missing)}"
    return f"{len(missing)} of its {len(members)} members did not finish ({numbers})"


def _name(job: Job) -> str:
    """Returns the name of a member's folder without its number and seed."""
    overrides = re.sub(r"(^|,)seed=\d+(?=,|$)", "", job.name.partition("_")[2]).strip(",")
    return f"{PREFIX}_{overrides}" if overrides else PREFIX
