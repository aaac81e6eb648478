"""The scores of a run once more, by the code and on the device that measured them in training."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from omegaconf import DictConfig
from torch import Tensor

from mlplab.config.schema import is_regression
from mlplab.data.datamodule import EVAL_BATCH_SIZE, TensorLoader
from mlplab.data.formats import base_name, file_kind
from mlplab.data.inference import encode_table, from_array, load_arrays, text_columns
from mlplab.data.precision import dtype_for_precision, numeric_columns
from mlplab.data.preprocessing import encode_labels, has_ambiguous_names
from mlplab.data.readers import read_table
from mlplab.data.splits import DataInfo, Split, Splits
from mlplab.errors import UserError
from mlplab.learner.learner import Learner
from mlplab.report.text import count_noun
from mlplab.run.build import build_evaluator, build_splits
from mlplab.run.metadata import Metadata, data_info


@dataclass(frozen=True)
class EvaluationData:
    """part: the rows that are measured. name, title: what they are called in scores, and in what is printed."""

    part: Split
    name: str
    title: str


@dataclass(frozen=True)
class Evaluation:
    """scores: loss and metrics. target, predictions: of each row, in their unit. chosen: (N,) class indices."""

    scores: dict[str, float]
    target: np.ndarray
    predictions: np.ndarray
    chosen: np.ndarray | None
    device: str


def evaluate_learner(config: DictConfig, learner: Learner, rows: EvaluationData) -> Evaluation:
    """As training does: whole blocks through the network, then one batch of all raw outputs."""
    outputs: list[Tensor] = []
    trainer = build_evaluator(config)
    hook = learner.network.register_forward_hook(lambda _, __, output: outputs.append(output))
    blocks = TensorLoader(rows.part, EVAL_BATCH_SIZE)
    try:
        trainer.test(learner, blocks, verbose=False)
    finally:
        hook.remove()
    with torch.inference_mode():
        output = torch.cat(outputs)
        predictions = learner.decode(output.to(torch.promote_types(output.dtype, torch.float32)))
        chosen = None if is_regression(config.choice.learner) else learner.choose(predictions).cpu().numpy()
    scores = {name.removesuffix("/test"): score for name, score in learner.scores.items()}
    if unlike := [name for name, score in scores.items() if not math.isfinite(score)]:
        raise UserError(f"{rows.title}: {unlike[0]} is {scores[unlike[0]]}: numbers too far from those of training")
    device = trainer.strategy.root_device.type
    return Evaluation(scores, rows.part.target.numpy(), predictions.cpu().numpy(), chosen, device)


def split_data(
    config: DictConfig, known: Metadata, split: str, all_rows: bool, elsewhere: bool = False
) -> EvaluationData:
    """The rows of the run's own dataset. elsewhere: other files are measured on purpose.

    Raises Mistake where the data have changed: a test split of other rows may hold some that were trained on.
    """
    read = build_splits(config)
    same = known.get("data_digest") in (None, read.digest())
    splits = _as_known(read, data_info(known))
    if not same and not elsewhere:
        raise UserError(
            "the data are not those of training: their rows, or the packages that make them, have changed since; "
            "other files are measured by data.path= or data.root="
        )
    changed = "" if same else "; the data are not those of training"
    if split == "train" and not all_rows:
        count, total = len(splits.measured), len(splits.train)
        which = "the measured slice" if count < total else "all of them are the measured slice"
        return EvaluationData(splits.measured, "train", f"{count:,} of {total:,} training rows, {which}{changed}")
    part: Split = getattr(splits, split)
    words = {"train": "all training rows", "val": "the validation split", "test": "the test split"}
    return EvaluationData(part, split, f"{words[split]}, {count_noun(len(part), 'row')}{changed}")


def file_data(config: DictConfig, known: Metadata, path: str) -> EvaluationData:
    """All rows of a CSV or NPZ file with the columns, or the arrays, of training."""
    dtype = dtype_for_precision(config.trainer.precision)
    read = _of_arrays if file_kind(path) == "arrays" else _of_table
    info = data_info(known)
    features, target, rows = read(config, info, path)
    try:
        if info.task.is_regression:
            wanted = torch.tensor(numeric_columns(target, info.target_names, rows, dtype), dtype=dtype)
        else:
            wanted = torch.from_numpy(encode_labels(target, info.class_names, rows))
    except UserError as mistake:
        raise UserError(f"{path}: {mistake}") from mistake
    part = Split(torch.tensor(features, dtype=None if features.dtype == np.uint8 else dtype), wanted)
    return EvaluationData(part, base_name(path), f"{path}, {count_noun(len(part), 'row')}")


def _of_arrays(_: DictConfig, info: DataInfo, path: str) -> tuple[np.ndarray, Any, Sequence[object]]:
    unseen = from_array(path, info)
    held = load_arrays(path)
    if "target" not in held:
        raise UserError(f"{path}: an array called target is needed, of {len(unseen.features)} entries")
    return unseen.features, held["target"], unseen.rows


def _of_table(config: DictConfig, info: DataInfo, path: str) -> tuple[np.ndarray, Any, Sequence[object]]:
    """Features, target, and the line of each row."""
    names = _target_columns(config, info)
    text = [*text_columns(info), *(names if has_ambiguous_names(info.class_names) else [])]
    table = read_table(path, config.data.get("separator", ","), text)
    if missing := [name for name in names if name not in table.columns]:
        raise UserError(f"{path}: no column {missing[0]}, the target; columns: {', '.join(map(str, table.columns))}")
    try:
        features = encode_table(table, info, "fill")[0]
    except UserError as mistake:
        raise UserError(f"{path}: {mistake}") from mistake
    return features, table[names] if info.task.is_regression else table[names[0]], table.index.tolist()


def _as_known(splits: Splits, info: DataInfo) -> Splits:
    """The splits with their classes in the order of training. Raises Mistake for other features or a new class."""
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
    at = torch.tensor([names.index(name) for name in splits.class_names])
    train, val, test = (Split(part.features, at[part.target]) for part in (splits.train, splits.val, splits.test))
    return replace(splits, train=train, val=val, test=test)


def _target_columns(config: DictConfig, info: DataInfo) -> list[str]:
    """Values have names; a class stands in the column that training took it from, else in one called target."""
    if info.task.is_regression:
        return list(info.target_names)
    return [str(config.data.target) if config.choice.data == "csv" else "target"]
