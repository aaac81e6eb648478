"""report: writes a run as one self-contained HTML page."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlplab.command.evaluate import check_output_file, evaluation_split, redirect_config
from mlplab.config.validate import check_choice
from mlplab.errors import UserError
from mlplab.run.config_file import read_config
from mlplab.run.folder import find_run, read_scores, resume_command


def report(settings: Mapping[str, Any]) -> Path:
    """Writes the page and returns its path.

    settings: the keys of conf/report.yaml. Raises UserError where the run has not ended, or where the run, its data or
    the output are invalid.
    """
    run = find_run(settings["run"])
    config = read_config(run, settings["allow"], ensembles=False)
    split = evaluation_split({**settings, "all_rows": False})
    redirect_config(config, {**settings, "data": {**settings["data"], "path": None}, "split": None})
    kind = _slice(settings, run)
    output = _output(settings, run)
    scores = _scores(run)

    from mlplab.run.report import build_report, default_slice, write_report  # imports torch

    page = build_report(
        config, run, scores, split, kind or default_slice(run), other_data=settings["data"]["root"] is not None
    )
    write_report(page, output)
    print(f"written   {output}: {output.stat().st_size / 1e6:.1f} MB")
    return output


def _output(settings: Mapping[str, Any], run: Path) -> Path:
    """Replaces the page in the run's folder, another file only with `overwrite`."""
    if not settings["output"]:
        return run / "report.html"
    output = Path(settings["output"]).expanduser()
    if output.is_dir() or not output.resolve().parent.is_dir():
        raise UserError(f"output={output}: name a file in a folder that exists")
    check_output_file(output, settings["overwrite"])
    return output


def _slice(settings: Mapping[str, Any], run: Path) -> str | None:
    kind: str | None = settings["slice"]
    path = run / "trajectory.npz"
    check_choice("slice", kind)
    if kind == "pca" and not path.exists():
        raise UserError(f"slice=pca: {path} is missing; train with report.trajectory=true, or take slice=random")
    return kind


def _scores(run: Path) -> dict[str, Any]:
    path = run / "scores.json"
    if not path.exists():
        raise UserError(f"{path}: is missing: the run has not ended; resume by: {resume_command(run)}")
    scores = read_scores(run)
    if not {"epochs", "best_epoch", "parameters"} <= scores.keys():
        raise UserError(f"{path}: holds no scores of a run")
    return scores
