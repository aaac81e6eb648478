"""The jobs of a sweep's folder: which there are, and how far each has come."""

import re
from collections.abc import Sequence
from pathlib import Path


def folders(sweep: Path) -> dict[int, Path]:
    """The folders of the jobs that have begun, by number."""
    numbered = ((re.match(r"(\d+)_", path.name), path) for path in sweep.iterdir() if path.is_dir())
    return dict(sorted((int(number[1]), path) for number, path in numbered if number))


def finished(sweep: Path) -> dict[int, Path]:
    """Those that have written their last file."""
    return {number: run for number, run in folders(sweep).items() if (run / "scores.json").exists()}


def united(sweep: Path) -> list[Path]:
    """The folders of ensembles, which are no jobs."""
    return sorted(path.parent for path in sweep.glob("ensemble*/scores.json"))


def unwritten(sweep: Path, jobs: Sequence[Sequence[str]]) -> dict[int, str]:
    """Planned jobs of which there is no run at all, with what each would have been."""
    begun = {number for number, run in folders(sweep).items() if (run / "config.yaml").exists()}
    names = {n: " ".join(word for word in job if not word.startswith("sweep.")) for n, job in enumerate(jobs)}
    return {number: words for number, words in names.items() if number not in begun}


def swept(run: Path) -> list[str]:
    """The keys that a job's folder is named by; none of a run that is no job."""
    return re.findall(r"(?:^\d+_|,)([a-z_][\w.]*)=", run.name)
