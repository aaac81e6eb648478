"""Report: a run as one page of HTML, which needs nothing beside itself."""

import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlplab.command.evaluate import evaluation_split, redirect_config
from mlplab.config.validate import check_choice
from mlplab.errors import UserError
from mlplab.run.config_file import read_config, refuse_ensemble
from mlplab.run.folder import find_run
from mlplab.run.report import _usual_slice, write_report


def report(settings: Mapping[str, Any]) -> Path:
    """settings: the keys of conf/report.yaml. Returns the file that it wrote.

    Raises Mistake where the run or its data are not what they should be, or the run has not ended.
    """
    run = find_run(settings["run"])
    config = read_config(run, settings["allow"])
    refuse_ensemble(settings["run"], config)
    split = evaluation_split({**settings, "all_rows": False})
    redirect_config(config, {**settings, "data": {**settings["data"], "path": None}, "split": None})
    kind = _slice(settings, run)
    output = _output(settings, run)
    scores = _scores(run)

    from mlplab.run.report import build_report

    story = build_report(config, run, scores, split, kind, elsewhere=settings["data"]["root"] is not None)
    write_report(story, output)
    print(f"written   {output}: {output.stat().st_size / 1e6:.1f} MB")
    return output


def _output(settings: Mapping[str, Any], run: Path) -> Path:
    """A page of the run's own folder is replaced, another file only when asked."""
    if not settings["output"]:
        return run / "report.html"
    output = Path(settings["output"]).expanduser()
    if output.is_dir() or not output.resolve().parent.is_dir():
        raise UserError(f"output={output}: name a file in a folder that exists")
    if output.exists() and not settings["overwrite"]:
        raise UserError(f"output={output}: exists already; overwrite=true replaces it")
    return output


def _slice(settings: Mapping[str, Any], run: Path) -> str:
    kind, path = settings["slice"], run / "trajectory.npz"
    check_choice("slice", kind)
    if kind == "pca" and not path.exists():
        raise UserError(f"slice=pca: {path} is missing; train with report.trajectory=true, or take slice=random")
    return kind or _usual_slice(run)


def _scores(run: Path) -> dict[str, Any]:
    path = run / "scores.json"
    if not path.exists():
        remedy = f"go on by: python scripts/resume.py run={shlex.quote(str(run))}"
        raise UserError(f"{path}: is missing: the run has not ended; {remedy}")
    try:
        scores: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read as JSON ({error})") from error
    if not isinstance(scores, dict) or not {"epochs", "best_epoch", "parameters"} <= scores.keys():
        raise UserError(f"{path}: holds no scores of a run")
    return scores
