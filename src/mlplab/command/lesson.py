"""Lesson: an idea of a course is trained, drawn and held to numbers; or all of them."""

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
from mlplab.errors import RunError, UserError
from mlplab.report.text import align_lines, format_table

Result = dict[str, Any]


def lesson(settings: Mapping[str, Any]) -> list[Result]:
    """settings: the keys of conf/lesson.yaml. What is claimed is printed, and kept as lesson.json beside the picture.

    Raises Failure where a claim does not hold; all lessons that were asked for are shown first.
    """
    for key, value in settings["lesson"].items():
        if value == [] and key != "allow":
            raise UserError(f"lesson.{key}=[]: one value at least is needed")
    names: Sequence[str] | None = settings["lesson"].get("lessons")
    if names is None:
        results = [_shown(settings["choice"]["lesson"], settings)]
    else:
        results = [_shown(name, _of(name, settings)) for name in names]
        rows = [[one["lesson"], one["outcome"], f"{one['seconds']:.0f}"] for one in results]
        print(format_table(["lesson", "outcome", "seconds"], rows))
    if failed := [f"{one['lesson']}: {one['outcome']}" for one in results if one["outcome"] != "pass"]:
        raise RunError("; ".join(failed))
    return results


def _of(name: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    composed = OmegaConf.to_container(compose("lesson", [f"lesson={name}"]).lesson)
    return {**settings, "lesson": composed, "choice": {"lesson": name}}


def _shown(name: str, settings: Mapping[str, Any]) -> Result:
    """One of several that fails leaves the others to be shown."""
    from mlplab.config.messages import describe_error

    started = time.perf_counter()
    folder = Path(settings["output"], name)
    fresh = [path for path in (folder / "runs", folder, *folder.parents) if not path.exists()]
    try:
        claims = _show(OmegaConf.create({**settings}), folder)
    except Exception as error:
        for path in fresh:  # of a lesson that never began nothing stays
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
        _copy(result, folder, Path(settings["pictures"]))
    _print(result, folder)
    return result


def _show(config: DictConfig, folder: Path) -> list[dict[str, Any]]:
    from mlplab.lesson.base import Lesson, LessonRunner
    from mlplab.run.instantiate import instantiate_group
    from mlplab.run.resume import resume
    from mlplab.run.train import train

    folder.mkdir(parents=True, exist_ok=True)
    bench = LessonRunner(folder, train, resume, lambda text: print(f"  trains  {text}", flush=True))
    return [claim.told() for claim in instantiate_group(config, "lesson", Lesson).show(bench)]


def _copy(result: Result, folder: Path, book: Path) -> None:
    """What a text shows, and the numbers that it may tell."""
    book.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(folder / "picture.png", book / f"{result['lesson']}.png")
    told = {name: result[name] for name in ("lesson", "claims")}
    files.write(book / f"{result['lesson']}.json", json.dumps(told, indent=1) + "\n")


def _print(result: Result, folder: Path) -> None:
    rows = [
        [one["claim"], one["measured"], f"{one['relation']} {one['limit']:g}", "holds" if one["holds"] else "FAILS"]
        for one in result["claims"]
    ]
    print(format_table([f"lesson {result['lesson']}", "measured", "must be", ""], rows))
    head = {"picture": str(folder / "picture.png"), "seconds": f"{result['seconds']:.0f}"}
    print(f"\n{align_lines(head)}\n", flush=True)
