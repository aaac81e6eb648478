"""lesson: trains and draws one lesson of the course, or all, and checks its claims."""

import contextlib
import json
import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra import compose
from omegaconf import DictConfig, OmegaConf

from mlplab import files
from mlplab.config.messages import describe_error
from mlplab.errors import RunError, UserError
from mlplab.report.text import align_lines, format_table

Result = dict[str, Any]


def lesson(settings: Mapping[str, Any]) -> list[Result]:
    """Run the chosen lessons; prints their claims and writes them to lesson.json, beside the picture.

    settings: the keys of conf/lesson.yaml. Raises RunError where a claim does not hold, after all lessons have run.
    """
    for key, value in settings["lesson"].items():
        if value == [] and key != "allow":
            raise UserError(f"lesson.{key}=[]: one value at least is needed")
    names: Sequence[str] | None = settings["lesson"].get("lessons")
    if names is None:
        results = [_run_lesson(settings["choice"]["lesson"], settings)]
    else:
        results = [_run_lesson(name, _settings_of(name, settings)) for name in names]
        rows = [[result["lesson"], result["outcome"], f"{result['seconds']:.0f}"] for result in results]
        print(format_table(["lesson", "outcome", "seconds"], rows))
    if failed := [f"{result['lesson']}: {result['outcome']}" for result in results if result["outcome"] != "pass"]:
        raise RunError("; ".join(failed))
    return results


def _settings_of(name: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    composed = OmegaConf.to_container(compose("lesson", [f"lesson={name}"]).lesson)
    return {**settings, "lesson": composed, "choice": {"lesson": name}}


def _run_lesson(name: str, settings: Mapping[str, Any]) -> Result:
    """An error becomes the outcome, so that the other lessons run."""
    started = time.perf_counter()
    folder = Path(settings["output"], name)
    fresh = [path for path in (folder / "runs", folder, *folder.parents) if not path.exists()]
    try:
        claims = _check_claims(OmegaConf.create({**settings}), folder)
    except Exception as error:  # the other lessons run
        for path in fresh:  # a lesson that failed before its first run leaves no folder
            with contextlib.suppress(OSError):
                path.rmdir()
        if settings["debug"]:
            raise
        return {"lesson": name, "outcome": describe_error(error), "seconds": time.perf_counter() - started}
    broken = [claim for claim in claims if not claim["holds"]]
    outcome = f"does not hold: {broken[0]['claim']}" if broken else "pass"
    result = {"lesson": name, "outcome": outcome, "seconds": time.perf_counter() - started, "claims": claims}
    files.write(folder / "lesson.json", json.dumps(result, indent=2) + "\n")
    if settings["pictures"]:
        _copy_picture(result, folder, Path(settings["pictures"]))
    _print(result, folder)
    return result


def _check_claims(config: DictConfig, folder: Path) -> list[dict[str, Any]]:
    from mlplab.lesson.base import Lesson, LessonRunner
    from mlplab.run.instantiate import instantiate_group
    from mlplab.run.resume import resume
    from mlplab.run.train import train

    folder.mkdir(parents=True, exist_ok=True)
    runner = LessonRunner(folder, train, resume, lambda text: print(f"  trains  {text}", flush=True))
    return [claim.to_dict() for claim in instantiate_group(config, "lesson", Lesson).show(runner)]


def _copy_picture(result: Result, folder: Path, book: Path) -> None:
    """Copies the picture for a text, and the numbers that the text may quote."""
    book.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(folder / "picture.png", book / f"{result['lesson']}.png")
    quoted = {name: result[name] for name in ("lesson", "claims")}
    files.write(book / f"{result['lesson']}.json", json.dumps(quoted, indent=1) + "\n")


def _print(result: Result, folder: Path) -> None:
    rows = [
        [
            *(claim["claim"], claim["measured"], f"{claim['relation']} {claim['limit']:g}"),
            "holds" if claim["holds"] else "FAILS",
        ]
        for claim in result["claims"]
    ]
    print(format_table([f"lesson {result['lesson']}", "measured", "must be", ""], rows))
    head = {"picture": str(folder / "picture.png"), "seconds": f"{result['seconds']:.0f}"}
    print(f"\n{align_lines(head)}\n", flush=True)
