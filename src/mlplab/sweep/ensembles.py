"""Which jobs of a sweep are members of one ensemble, and its folder: made when all of them have finished."""

import json
import re
import sys
from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path

from mlplab.run.folder import job_number, run_state
from mlplab.signals import defer_signals
from mlplab.sweep.manifest import Job

LONGEST = 100  # characters of a name, as of a job's
PREFIX = "ensemble"  # a job's folder begins with its number


def group_by_seed(jobs: Sequence[Job]) -> dict[str, list[Job]]:
    """The jobs of each setting, which are alike in all but their seeds, one a seed, by the name of its ensemble."""
    settings: dict[str, dict[int, Job]] = {}
    for job in jobs:
        shared = {key: value for key, value in job.settings.items() if key != "seed"}
        settings.setdefault(json.dumps(shared, sort_keys=True), {}).setdefault(job.settings["seed"], job)
    found: dict[str, list[Job]] = {}
    for setting, members in settings.items():
        name = _name(next(iter(members.values())))
        if len(name) >= LONGEST or name in found:  # cut short, or alike once unsafe characters are `-`
            name = f"{name[: LONGEST - 9]}_{blake2b(setting.encode(), digest_size=4).hexdigest()}"
        found[name] = [*members.values()]
    return found


def write_ensembles(sweep: Path, jobs: Sequence[Job]) -> int:
    """Make the ensemble of each setting, in the sweep's folder. Returns how many could not be made, each told in one
    line."""
    groups = group_by_seed(jobs)
    reasons = {name: _unfinished(sweep, members) for name, members in groups.items()}
    due = {sweep / name: [sweep / job.name for job in groups[name]] for name in groups if not reasons[name]}
    if due:
        with defer_signals():
            from mlplab.run.ensemble import build_ensembles
        reasons |= {folder.name: reason for folder, reason in build_ensembles(due).items()}
    for name, reason in reasons.items():
        if reason:
            print(f"mlplab: {name} was not made: {reason}", file=sys.stderr, flush=True)
    return sum(map(bool, reasons.values()))


def _unfinished(sweep: Path, members: Sequence[Job]) -> str:
    missing = [job_number(job.name) for job in members if run_state(sweep / job.name) != "finished"]
    if not missing:
        return ""
    jobs = f"{'jobs' if len(missing) > 1 else 'job'} {', '.join(missing)}"
    return f"{len(missing)} of its {len(members)} members did not finish ({jobs})"


def _name(job: Job) -> str:
    """Of a member's folder, without its number and seed."""
    words = re.sub(r"(^|,)seed=\d+(?=,|$)", "", job.name.partition("_")[2]).strip(",")
    return f"{PREFIX}_{words}" if words else PREFIX
