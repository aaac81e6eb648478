"""What there is to tell of a run that has ended: from its folder and its data, by the code of training."""

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
from mlplab.config.tree import format_value
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
from mlplab.run.evaluate import Evaluation, EvaluationData, evaluate_learner, split_data
from mlplab.run.load import load_learner, read_checkpoint
from mlplab.run.metadata import data_info
from mlplab.trainer.history import read_history

MAX_INPUTS = 200  # beyond, shuffling each of them takes long and tells little


def build_report(
    config: DictConfig, run: Path, scores: Mapping[str, Any], split: str, kind: str, elsewhere: bool = False
) -> RunReport:
    """split: whose rows are told of. kind: of the slice through the loss: pca, random or none.

    Raises Mistake where the data have changed since training, unless they are read from elsewhere on purpose.
    """
    path = run / "checkpoints" / "best.ckpt"
    checkpoint = read_checkpoint(path)
    learner, known = load_learner(checkpoint, path, config), checkpoint["hyper_parameters"]
    rows = split_data(config, known, split, False, elsewhere)
    trained = split_data(config, known, "train", False, elsewhere)
    info = data_info(known)
    measured = evaluate_learner(config, learner, rows)
    learner.to("cpu").eval()
    outcome = _outcome(rows, measured, info)
    matters = _importance(learner, rows, info)
    scaled = config.learner.get("target_scaling", "none") != "none"
    return RunReport(
        title=f"{config.choice.model} on {config.choice.data}",
        run=str(run),
        scores=scores,
        rows=read_history(run / "history.csv"),
        loss=config.choice.loss + (", of the scaled target" if scaled else ""),
        outcome=outcome,
        command=reproducing_command(config),
        differences=[(key, _word(value), _word(default)) for key, value, default in differences(config)],
        shape=_shape(learner, {"train": trained.part, split: rows.part}, info),
        importance=_bars(matters, rows),
        order=_order(matters, info),
        slice=_slice(config, run, trained.part, kind),
        notes=_unlike(scores, measured, split),
    )


def _outcome(rows: EvaluationData, measured: Evaluation, info: DataInfo) -> Predictions:
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


def _unlike(scores: Mapping[str, Any], measured: Evaluation, split: str) -> list[str]:
    """Where the scores are not those of training to the last digit, as on another device."""
    names = {name: scores.get(f"{name}/{split}") for name in measured.scores}
    other = [name for name, before in names.items() if measured.scores[name] != before]
    if not other:
        return []
    name = other[0]
    here, there = measured.scores[name], names[name]
    return [f"Measured on {measured.device}: {name} of {split} is {here!r} here, {there!r} in training."]


def _importance(learner: Learner, rows: EvaluationData, info: DataInfo) -> Importance | None:
    """Of tables of two inputs or more."""
    if info.image_size or not 1 < info.in_features <= MAX_INPUTS:
        return None
    return permutation_importance(learner, rows.part, info.feature_groups)


def _bars(matters: Importance | None, rows: EvaluationData) -> list[Panel]:
    if matters is None:
        return []
    caption = (
        "By how much the loss rises when the cells of one input change places among the rows: "
        f"mean and sd of 5 shuffles, {count_noun(matters.rows, 'row')} of {rows.name}."
    )
    size = (4.8, 1.3 + 0.26 * min(15, len(matters.names)))
    return [
        Panel(
            "importance",
            "Permutation importance",
            lambda axes: draw_bars(axes, matters.names, matters.rise, matters.spread, "rise of the loss"),
            caption,
            size,
        )
    ]


def _order(matters: Importance | None, info: DataInfo) -> list[int]:
    """Places of features: of each input in the order in which they matter."""
    if matters is None:
        return list(range(info.in_features))
    rise = dict(zip(matters.names, matters.rise.tolist(), strict=True))
    column = {place: name for name, places in info.feature_groups.items() for place in places}
    return sorted(range(info.in_features), key=lambda place: -rise[column[place]])


def _shape(learner: Learner, parts: Mapping[str, Split], info: DataInfo) -> list[Panel]:
    points = {split: (part.features.numpy(), part.target.numpy()) for split, part in parts.items()}
    predict = predict_function(learner, not info.task.is_regression)
    return boundary_panels(predict, points, info.feature_names, info.class_names, info.target_names)


def _slice(config: DictConfig, run: Path, part: Split, kind: str) -> list[Panel]:
    if kind == "none":
        return []
    path = run / "checkpoints" / "last.ckpt"
    learner = load_learner(read_checkpoint(path), path, config)
    path = run / "trajectory.npz"
    found = slice_along_path(learner, part, path) if kind == "pca" else slice_at_random(learner, part)
    if not np.isfinite(found.loss).any():
        return []
    return [Panel("loss_slice", "Slice of the loss surface", _drawing(found), _told(found), (5.4, 4.4))]


def _drawing(found: LossSlice) -> Any:
    return lambda axes: draw_slice(axes, found.x, found.y, found.loss, found.path, found.epochs)


def _told(found: LossSlice) -> str:
    on = f"Loss of {count_noun(found.rows, 'training row')}"
    if math.isnan(found.share):
        return f"{on}, from the last weights in two random directions, each row of weights scaled to its own length."
    return f"{on} in the plane in which the path spreads most: it shows {found.share:.0%} of the path's variance."


def _word(value: Any) -> str:
    return "not there" if value is MISSING else format_value(value)


def write_final_report(config: "DictConfig", run: Path, scores: Mapping[str, Any]) -> "RunReport":
    """As the door with its defaults does, at the end of a training, whose scores are not yet written."""
    story = build_report(config, run, scores, "test", _usual_slice(run))
    write_report(story, run / "report.html")
    return story


def write_report(story: "RunReport", output: Path) -> None:
    """Raises Mistake where the disk refuses."""
    try:
        files.write(output, story.html())
    except OSError as error:
        raise UserError(f"{output}: cannot be written ({error.strerror or error})") from error


def _usual_slice(run: Path) -> str:
    """Along the path where it was kept, else in random directions."""
    return "pca" if (run / "trajectory.npz").exists() else "random"
