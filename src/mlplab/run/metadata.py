"""What a checkpoint must know to predict alone, in plain containers."""

import math
from typing import Any

import lightning
import torch
from omegaconf import DictConfig
from torch import Tensor

import mlplab
from mlplab.config.groups import FORMAT
from mlplab.config.tree import portable_config
from mlplab.data.inference import border_pixels
from mlplab.data.splits import Splits

Metadata = dict[str, Any]
BULK = torch.tensor([0.01, 0.99], dtype=torch.float64)


def checkpoint_metadata(config: DictConfig, splits: Splits) -> Metadata:
    return {
        "format": FORMAT,
        "config": portable_config(config),
        "in_features": splits.in_features,
        "feature_names": list(splits.feature_names),
        "columns": list(splits.columns),
        "class_names": list(splits.class_names),
        "target_names": list(splits.target_names),
        "data_digest": splits.digest(),
        "image_size": list(splits.image_size) if splits.image_size else None,
        **_shades(splits.train.features, splits.image_size),
    }


def first_wrong_key(known: Metadata) -> str | None:
    """Of a card that was read from a file: the first key that is not as `card` writes it."""
    count, size = known.get("in_features"), known.get("image_size")
    right = {
        "in_features": type(count) is int and count > 0,
        "feature_names": _words(known.get("feature_names")) and len(known["feature_names"]) == count,
        "columns": isinstance(known.get("columns"), list) and all(map(_column, known["columns"])),
        "class_names": _words(known.get("class_names")),
        "target_names": _words(known.get("target_names")),
        "image_size": size is None or (_all(size, int) and len(size) in (2, 3) and math.prod(size) == count),
        "image_white": isinstance(known.get("image_white"), float | None),
        "image_border": known.get("image_border") is None or _all(known["image_border"], float),
    }
    return next((key for key, good in right.items() if not good), None)


def _column(state: object) -> bool:
    if not isinstance(state, dict) or not isinstance(state.get("name"), str):
        return False
    return _words(state["categories"]) if "categories" in state else isinstance(state.get("median"), float)


def _words(value: object) -> bool:
    return _all(value, str)


def _all(value: object, kind: type) -> bool:
    return isinstance(value, list) and all(type(item) is kind for item in value)


def output_sizes(learner: str, known: Metadata) -> tuple[int, dict[str, int]]:
    """The outputs of the network, and what the learner's constructor is told of them."""
    classes, targets = len(known["class_names"]), len(known["target_names"])
    return {
        "classifier": (classes, {"num_classes": classes}),
        "binary_classifier": (1, {}),
        "regressor": (targets, {"num_targets": targets}),
    }[learner]


def _shades(features: Tensor, size: tuple[int, ...] | None) -> dict[str, Any]:
    """Of training images: the value of white, and how bright their borders are, but for the outermost 1 % of them."""
    if size is None:
        return {"image_white": None, "image_border": None}
    white = 255.0 if features.dtype == torch.uint8 else float(features.max()) or 1.0
    sample = features[:10_000, torch.from_numpy(border_pixels(size))]  # training rows stand in random order
    borders = sample.double().mean(dim=1) / white
    return {"image_white": white, "image_border": torch.quantile(borders, BULK).tolist()}


def library_versions() -> dict[str, str]:
    return {"mlplab": mlplab.__version__, "torch": torch.__version__, "lightning": lightning.__version__}
