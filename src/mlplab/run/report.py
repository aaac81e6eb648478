"""Builds the report of a finished run, from its folder and its data, with the code of training."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from omegaconf import DictConfig

from mlplab import files
from mlplab.analysis.feature_importance import Importance, permutation_importance
from mlplab.analysis.loss_landscape import LossSlice, slice_along_path, slice_at_random
from mlplab.config.diff import MISSING, differences, reproducing_command
from mlplab.config.tree import format_value, portable_config
from mlplab.data.splits import DataInfo, Split
from mlplab.errors import UserError
from mlplab.learner.learner import Learner
from mlplab.report.decision_boundary import boundary_panels, predict_function, probability_columns
from mlplab.report.figure import Panel
from mlplab.report.loss_surface import draw_slice
from mlplab.report.predictions import Predictions
from mlplab.report.run_page import RunReport
from mlplab.report.sweep_plots import draw_bars
from mlplab.report.text import count_noun
from mlplab.run.build import build_evaluator, build_splits, run_settings
from mlplab.run.config_file import read_config
from mlplab.run.evaluate import Evaluation, EvaluationData, evaluate_learner, split_data
from mlplab.run.load import load_run
from mlplab.run.metadata import data_info
from mlplab.trainer.history_file import read_history

MAX_INPUTS = 200  # with more, shuffling each of them takes long and shows little


def build_report(
    config: DictConfig, run: Path, scores: Mapping[str, Any], split: str, kind: str, other_data: bool = False
) -> RunReport:
    """Builds the report of one split. kind: of the slice through the loss surface: pca, random or none.

    Raises UserError where the data have changed since training, unless other data are read on purpose.
    """
    learner, known = load_run(run, config)
    stored = portable_config(config)
    settings = run_settings(stored)
    splits = build_splits(config)
    rows = split_data(splits, known, split, False, other_data)
    trained = split_data(splits, known, "train", False, other_data)
    measured = evaluate_learner(build_evaluator(config), learner, rows)
    learner.to("cpu").eval()
    info = data_info(known)
    outcome = _predictions(rows, measured, info)
    importance = _importance(learner, rows, info)
    slices: list[Panel] = []
    if kind != "none":
        slices = _slice_panels(load_run(run, config, "last")[0], run, trained.part, kind)
    return RunReport(
        title=f"{settings.model} on {settings.data}",
        run=str(run),
        scores=scores,
        rows=read_history(run / "history.csv"),
        loss=settings.loss_label,
        outcome=outcome,
        command=reproducing_command(stored),
        differences=[(key, _format(value), _format(default)) for key, value, default in differences(stored)],
        shape=_shape(learner, {"train": trained.part, split: rows.part}, info),
        importance=_importance_panels(importance, rows),
        order=_feature_order(importance, info),
        slice=slices,
        notes=_notes(scores, measured, split),
    )


def write_final_report(run: Path, scores: Mapping[str, Any]) -> RunReport:
    """Writes the report at the end of a training, with the defaults of the command. scores: not yet written."""
    report = build_report(read_config(run), run, scores, "test", default_slice(run))
    write_report(report, run / "report.html")
    return report


def write_report(report: RunReport, output: Path) -> None:
    """Raises UserError where the file cannot be written."""
    try:
        files.write(output, report.html())
    except OSError as error:
        raise UserError(f"{output}: cannot be written ({error.strerror or error})") from error


def default_slice(run: Path) -> str:
    """Returns `pca`, along the path of the weights, if it was recorded, else `random`."""
    return "pca" if (run / "trajectory.npz").exists() else "random"


def _predictions(rows: EvaluationData, measured: Evaluation, info: DataInfo) -> Predictions:
    return Predictions(
        rows=rows.title,
        features=rows.part.features.numpy(),
        target=measured.target,
        predictions=measured.predictions if info.task.is_regression else probability_columns(measured.predictions),
        chosen=measured.chosen,
        feature_names=info.feature_names,
        class_names=info.class_names,
        target_names=info.target_names,
        image_size=info.image_size,
    )


def _notes(scores: Mapping[str, Any], measured: Evaluation, split: str) -> list[str]:
    """Reports scores that differ from those of training in any digit, as on another device."""
    trained = {name: scores.get(f"{name}/{split}") for name in measured.scores}
    differ = [name for name, before in trained.items() if measured.scores[name] != before]
    if not differ:
        return []
    name = differ[0]
    now, before = measured.scores[name], trained[name]
    return [f"Measured on {measured.device}: {name} of {split} is {now!r} here, {before!r} in training."]


def _importance(learner: Learner, rows: EvaluationData, info: DataInfo) -> Importance | None:
    """Computes the importance of inputs, for tables with two or more."""
    if info.image_size or not 1 < info.in_features <= MAX_INPUTS:
        return None
    return permutation_importance(learner, rows.part, info.feature_groups)


def _importance_panels(importance: Importance | None, rows: EvaluationData) -> list[Panel]:
    if importance is None:
        return []
    caption = (
        "Increase of the loss when the values of one input are shuffled among the rows: "
        f"mean and standard deviation of 5 shuffles, {count_noun(importance.rows, 'row')} of {rows.name}."
    )
    size = (4.8, 1.3 + 0.26 * min(15, len(importance.names)))

    def draw(axes: Any) -> None:
        draw_bars(axes, importance.names, importance.rise, importance.spread, "increase of the loss")

    return [Panel("importance", "Permutation importance", draw, caption, size)]


def _feature_order(importance: Importance | None, info: DataInfo) -> list[int]:
    """Returns indices of features, those of the most important input first."""
    if importance is None:
        return list(range(info.in_features))
    rise = dict(zip(importance.names, importance.rise.tolist(), strict=True))
    names = {index: name for name, indices in info.feature_groups.items() for index in indices}
    return sorted(range(info.in_features), key=lambda index: -rise[names[index]])


def _shape(learner: Learner, parts: Mapping[str, Split], info: DataInfo) -> list[Panel]:
    """Returns the decision boundary or the fitted curve, of a model with few inputs."""
    points = {split: (part.features.numpy(), part.target.numpy()) for split, part in parts.items()}
    predict = predict_function(learner, not info.task.is_regression)
    return boundary_panels(predict, points, info)


def _slice_panels(learner: Learner, run: Path, part: Split, kind: str) -> list[Panel]:
    """learner: with the last weights."""
    path = run / "trajectory.npz"
    found = slice_along_path(learner, part, path) if kind == "pca" else slice_at_random(learner, part)
    if not np.isfinite(found.loss).any():
        return []

    def draw(axes: Any) -> None:
        draw_slice(axes, found.x, found.y, found.loss, found.path, found.epochs)

    return [Panel("loss_slice", "Slice of the loss surface", draw, _slice_caption(found), (5.4, 4.4))]


def _slice_caption(found: LossSlice) -> str:
    loss = f"Loss of {count_noun(found.rows, 'training row')}"
    if math.isnan(found.variance_fraction):
        return f"{loss}, from the last weights in two random directions, each row of weights scaled to its own length."
    fraction = f"{found.variance_fraction:.0%} of the path's variance"
    return f"{loss} in the plane in which the path spreads most: it shows {fraction}."


def _format(value: Any) -> str:
    return "not there" if value is MISSING else format_value(value)
