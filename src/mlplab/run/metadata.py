"""What a checkpoint stores beside its weights, so that it can predict alone: plain containers and `DataInfo`."""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import lightning
import torch
from torch import Tensor

import mlplab
from mlplab.config.groups import FORMAT
from mlplab.config.schema import LEARNER_TASKS
from mlplab.data.inference import border_pixels
from mlplab.data.precision import dtype_for_precision
from mlplab.data.preprocessing import column_from_state
from mlplab.data.splits import DataInfo, Splits, Task

Metadata = dict[str, Any]
BORDER_QUANTILES = torch.tensor([0.01, 0.99], dtype=torch.float64)
MAX_IMAGES = 10_000  # whose borders are measured


def checkpoint_metadata(stored: Mapping[str, Any], splits: Splits) -> Metadata:
    """stored: the configuration, from `portable_config`."""
    return {
        "format": FORMAT,
        "config": stored,
        "data_digest": splits.digest(),
        **_with_brightness(splits.info, splits.train.features).to_state(),
    }


def data_info(metadata: Metadata) -> DataInfo:
    """Returns the `DataInfo` of a checkpoint. Older checkpoints have no key `task`: their learner determines it."""
    config = metadata["config"]
    task = metadata.get("task") or LEARNER_TASKS[config["choice"]["learner"]]
    return DataInfo.from_state({**metadata, "task": task}, dtype_for_precision(config["trainer"]["precision"]))


def first_wrong_key(metadata: Metadata) -> str | None:
    """Returns the first key of metadata read from a file that has not the form of `checkpoint_metadata`; None if all
    have."""
    count, size = metadata.get("in_features"), metadata.get("image_size")
    valid = {
        "task": metadata.get("task") in (None, *Task),
        "in_features": type(count) is int and count > 0,
        "feature_names": _is_list(metadata.get("feature_names"), str) and len(metadata["feature_names"]) == count,
        "columns": isinstance(metadata.get("columns"), list) and all(map(_is_column, metadata["columns"])),
        "class_names": _is_list(metadata.get("class_names"), str),
        "target_names": _is_list(metadata.get("target_names"), str),
        "image_size": size is None or (_is_list(size, int) and len(size) in (2, 3) and math.prod(size) == count),
        "image_white": isinstance(metadata.get("image_white"), float | None),
        "image_border": metadata.get("image_border") is None or _is_list(metadata["image_border"], float),
    }
    return next((key for key, right in valid.items() if not right), None)


def output_sizes(info: DataInfo) -> tuple[int, dict[str, int]]:
    """Returns the number of network outputs, and the sizes that the learner's constructor takes."""
    classes, targets = len(info.class_names), len(info.target_names)
    return {
        Task.CLASSIFICATION: (classes, {"num_classes": classes}),
        Task.BINARY: (1, {}),
        Task.REGRESSION: (targets, {"num_targets": targets}),
    }[info.task]


def library_versions() -> dict[str, str]:
    return {"mlplab": mlplab.__version__, "torch": torch.__version__, "lightning": lightning.__version__}


def _with_brightness(info: DataInfo, features: Tensor) -> DataInfo:
    """Adds the value of white and the brightness of the borders. features: training rows, which are shuffled."""
    if info.image_size is None:
        return info
    white = 255.0 if features.dtype == torch.uint8 else float(features.max()) or 1.0
    sample = features[:MAX_IMAGES, torch.from_numpy(border_pixels(info.image_size))]
    low, high = torch.quantile(sample.double().mean(dim=1) / white, BORDER_QUANTILES).tolist()
    return replace(info, image_white=white, image_border=(low, high))


def _is_column(state: Any) -> bool:
    try:
        column_from_state(state)
    except ValueError:
        return False
    return True


def _is_list(value: object, kind: type) -> bool:
    return isinstance(value, list) and all(type(item) is kind for item in value)
