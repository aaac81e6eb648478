"""lesson: trains and draws one lesson, or all, and checks its claims."""

import contextlib
import json
import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra import compose
from omegaconf import OmegaConf

from mlplab import files
from mlplab.config.messages import describe_error
from mlplab.errors import RunError, Stopped, UserError
from mlplab.report.text import align_lines, format_table

Result = dict[str, Any]


def lesson(options: Mapping[str, Any]) -> list[Result]:
    """Runs the chosen lessons; prints their claims and writes them to lesson.json, beside the picture.

    options: the keys of conf/lesson.yaml. Raises RunError if a claim does not hold, after all lessons have run.
    """
    for key, value in options["lesson"].items():
        if value == [] and key != "allow":
            raise UserError(f"lesson.{key}=[]: one value at least is needed")
    names: Sequence[str] | None = options["lesson"].get("lessons")
    if names is None:
        results = [_run_lesson(options["choice"]["lesson"], options)]
    else:
        results = [_run_lesson(name, {**options, **_compose(name)}) for name in names]
        rows = [[result["lesson"], result["outcome"], f"{result['seconds']:.0f}"] for result in results]
        print(format_table(["lesson", "outcome", "seconds"], rows))
    if failed := [f"{result['lesson']}: {result['outcome']}" for result in results if result["outcome"] != "pass"]:
        raise RunError("; ".join(failed))
    return results


def _compose(name: str) -> dict[str, Any]:
    options = OmegaConf.to_container(compose("lesson", [f"lesson={name}"]).lesson)
    return {"lesson": options, "choice": {"lesson": name}}


def _run_lesson(name: str, options: Mapping[str, Any]) -> Result:
    """Runs a lesson; an error becomes the outcome, so that the other lessons run."""
    started = time.perf_counter()
    folder = Path(options["output"], name)
    fresh = [path for path in (folder / "runs", folder, *folder.parents) if not path.exists()]
    try:
        claims = _check_claims(options, folder)
    except Stopped:  # Ctrl-C ends the command, not only this lesson
        raise
    except Exception as error:  # the other lessons run
        for path in fresh:  # a lesson that failed before its first run leaves no folder
            with contextlib.suppress(OSError):
                path.rmdir()
        if options["debug"]:
            raise
        return {"lesson": name, "outcome": describe_error(error), "seconds": time.perf_counter() - started}
    broken = [claim["claim"] for claim in claims if not claim["holds"]]
    outcome = f"does not hold: {broken[0]}" if broken else "pass"
    result = {"lesson": name, "outcome": outcome, "seconds": time.perf_counter() - started, "claims": claims}
    files.write(folder / "lesson.json", json.dumps(result, indent=2) + "\n")
    if options["pictures"]:
        _copy_picture(result, folder, Path(options["pictures"]))
    _print(result, folder)
    return result


def _check_claims(options: Mapping[str, Any], folder: Path) -> list[dict[str, Any]]:
    from mlplab.lesson.base import Lesson, LessonRunner
    from mlplab.run.instantiate import instantiate_group
    from mlplab.run.resume import resume
    from mlplab.run.train import train

    folder.mkdir(parents=True, exist_ok=True)
    runner = LessonRunner(folder, train, resume, lambda text: print(f"  trains  {text}", flush=True))
    chosen: Lesson = instantiate_group(OmegaConf.create({**options}), "lesson", Lesson)
    return [claim.to_dict() for claim in chosen.show(runner)]


def _copy_picture(result: Result, folder: Path, pictures: Path) -> None:
    """Copies the picture, and the claims that a text beside it may quote."""
    pictures.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(folder / "picture.png", pictures / f"{result['lesson']}.png")
    quoted = {name: result[name] for name in ("lesson", "claims")}
    files.write(pictures / f"{result['lesson']}.json", json.dumps(quoted, indent=1) + "\n")


def _print(result: Result, folder: Path) -> None:
    rows = []
    for claim in result["claims"]:
        limit = f"{claim['relation']} {claim['limit']:g}"
        rows.append([claim["claim"], claim["measured"], limit, "holds" if claim["holds"] else "FAILS"])
    print(format_table([f"lesson {result['lesson']}", "measured", "limit", ""], rows))
    lines = {"picture": str(folder / "picture.png"), "seconds": f"{result['seconds']:.0f}"}
    print(f"\n{align_lines(lines)}\n", flush=True)
