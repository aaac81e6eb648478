"""Measures the scores of a run again, with the code and on the device of training."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from lightning import Trainer
from torch import Tensor

from mlplab.data.datamodule import EVAL_BATCH_SIZE, TensorLoader
from mlplab.data.formats import base_name, file_kind
from mlplab.data.inference import encode_table, from_array, load_arrays, text_columns
from mlplab.data.precision import numeric_columns
from mlplab.data.preprocessing import encode_labels, has_ambiguous_names
from mlplab.data.readers import read_table
from mlplab.data.splits import DataInfo, Split, Splits
from mlplab.errors import UserError, errors_in
from mlplab.learner.learner import Learner
from mlplab.report.text import count_noun
from mlplab.run.metadata import Metadata, data_info


@dataclass(frozen=True)
class EvaluationData:
    """part: the rows to measure. name: in the names of scores. title: in what is printed."""

    part: Split
    name: str
    title: str


@dataclass(frozen=True)
class Evaluation:
    """scores: loss and metrics. target, predictions: of each row, in their unit. chosen: (N,) predicted class indices,
    None for regression."""

    scores: dict[str, float]
    target: np.ndarray
    predictions: np.ndarray
    chosen: np.ndarray | None
    device: str


def evaluate_learner(trainer: Trainer, learner: Learner, rows: EvaluationData) -> Evaluation:
    """Evaluates like training does: large blocks through the network, then one batch of all raw outputs.

    trainer: from `build_evaluator`. Raises UserError where a score is not finite.
    """
    outputs: list[Tensor] = []
    hook = learner.network.register_forward_hook(lambda _, __, output: outputs.append(output))
    blocks = TensorLoader(rows.part, EVAL_BATCH_SIZE)
    try:
        trainer.test(learner, blocks, verbose=False)
    finally:
        hook.remove()
    with torch.inference_mode():
        output = torch.cat(outputs)
        predictions = learner.decode(output.to(torch.promote_types(output.dtype, torch.float32)))
        regression = data_info(dict(learner.hparams)).task.is_regression
        chosen = None if regression else learner.choose(predictions).cpu().numpy()
    scores = {name.removesuffix("/test"): score for name, score in learner.scores.items()}
    if not_finite := [name for name, score in scores.items() if not math.isfinite(score)]:
        name = not_finite[0]
        raise UserError(f"{rows.title}: {name} is {scores[name]}: numbers too far from those of training")
    device = trainer.strategy.root_device.type
    return Evaluation(scores, rows.part.target.numpy(), predictions.cpu().numpy(), chosen, device)


def split_data(splits: Splits, known: Metadata, split: str, all_rows: bool, other_data: bool = False) -> EvaluationData:
    """Selects one split of a run's data. other_data: files of another place are measured on purpose.

    Raises UserError where the data have changed: a test split of other rows may hold some of the training rows.
    """
    same = known.get("data_digest") in (None, splits.digest())
    splits = _with_known_classes(splits, data_info(known))
    if not same and not other_data:
        raise UserError(
            "the data are not those of training: their rows, or the packages that make them, have changed since; "
            "other files are measured by data.path= or data.root="
        )
    changed = "" if same else "; the data are not those of training"
    if split == "train" and not all_rows:
        count, total = len(splits.measured), len(splits.train)
        which = "the measured slice" if count < total else "all of them are the measured slice"
        return EvaluationData(splits.measured, "train", f"{count:,} of {total:,} training rows, {which}{changed}")
    part = splits.parts[split]
    titles = {"train": "all training rows", "val": "the validation split", "test": "the test split"}
    return EvaluationData(part, split, f"{titles[split]}, {count_noun(len(part), 'row')}{changed}")


def _with_known_classes(splits: Splits, info: DataInfo) -> Splits:
    """Returns the splits with their classes in the order of training. Raises UserError for other features or a new
    class."""
    if splits.in_features != info.in_features:
        raise UserError(f"the data have {splits.in_features} features, the run was trained on {info.in_features}")
    if splits.info.columns != info.columns:
        raise UserError(
            "the training rows of these data are not those of training: their columns, medians or categories differ; "
            "a CSV of other rows is measured by data.path= without split="
        )
    names = info.class_names
    if splits.class_names == names:
        return splits
    if unseen := [name for name in splits.class_names if name not in names]:
        raise UserError(f"the data have a class {unseen[0]}, which the run was not trained on: {', '.join(names)}")
    index = torch.tensor([names.index(name) for name in splits.class_names])
    train, val, test = (Split(part.features, index[part.target]) for part in splits.parts.values())
    return replace(splits, train=train, val=val, test=test)


def file_data(
    path: str, known: Metadata, dtype: torch.dtype, separator: str = ",", class_column: str = "target"
) -> EvaluationData:
    """Reads all rows of a CSV or NPZ file with the columns, or the arrays, of training.

    dtype: of features and of a regression target. separator, class_column: of a CSV file. Raises UserError where the
    file cannot be read as such.
    """
    info = data_info(known)
    if file_kind(path) == "arrays":
        features, target, rows = _read_arrays(path, info)
    else:
        target_columns = list(info.target_names) if info.task.is_regression else [class_column]
        features, target, rows = _read_table(path, info, target_columns, separator)
    with errors_in(path):
        if info.task.is_regression:
            encoded = torch.tensor(numeric_columns(target, info.target_names, rows, dtype), dtype=dtype)
        else:
            encoded = torch.from_numpy(encode_labels(target, info.class_names, rows))
    part = Split(torch.tensor(features, dtype=None if features.dtype == np.uint8 else dtype), encoded)
    return EvaluationData(part, base_name(path), f"{path}, {count_noun(len(part), 'row')}")


def _read_arrays(path: str, info: DataInfo) -> tuple[np.ndarray, Any, Sequence[object]]:
    unseen = from_array(path, info)
    arrays = load_arrays(path)
    if "target" not in arrays:
        raise UserError(f"{path}: an array called target is needed, of {len(unseen.features)} entries")
    return unseen.features, arrays["target"], unseen.rows


def _read_table(
    path: str, info: DataInfo, target_columns: list[str], separator: str
) -> tuple[np.ndarray, Any, Sequence[object]]:
    """Returns features, target, and the line of each row."""
    text = [*text_columns(info), *(target_columns if has_ambiguous_names(info.class_names) else [])]
    table = read_table(path, separator, text)
    if missing := [name for name in target_columns if name not in table.columns]:
        raise UserError(f"{path}: no column {missing[0]}, the target; columns: {', '.join(map(str, table.columns))}")
    with errors_in(path):
        features = encode_table(table, info, "fill")[0]
    target = table[target_columns] if info.task.is_regression else table[target_columns[0]]
    return features, target, table.index.tolist()
