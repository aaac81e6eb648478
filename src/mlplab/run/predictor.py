"""Reopen: from Python, a run becomes a model that predicts."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from omegaconf import DictConfig

from mlplab.data.datamodule import EVAL_BATCH_SIZE
from mlplab.data.inference import MissingValues, encode_array, encode_table, looks_prescaled
from mlplab.errors import UserError
from mlplab.learner.learner import Learner
from mlplab.run.config_file import read_config
from mlplab.run.folder import find_run
from mlplab.run.load import checkpoint_config, load_learner, read_checkpoint
from mlplab.run.metadata import Metadata


@dataclass(frozen=True)
class Predictor:
    """learner: a LightningModule in evaluation mode, on the CPU. config: what it was trained with."""

    learner: Learner
    config: DictConfig
    card: Metadata

    @property
    def class_names(self) -> list[str]:
        return list(self.card["class_names"])

    @property
    def target_names(self) -> list[str]:
        return list(self.card["target_names"])

    @property
    def feature_names(self) -> list[str]:
        return list(self.card["feature_names"])

    @property
    def image_size(self) -> tuple[int, ...] | None:
        return tuple(self.card["image_size"]) if self.card["image_size"] else None

    def predict(self, rows: np.ndarray | pd.DataFrame, gaps: MissingValues = "refuse") -> np.ndarray:
        """(N, num_classes) probabilities in the order of `class_names`, for two classes too; or (N, num_targets) values
        in their unit.

        rows: (N, in_features), (N, *image_size), or a table with the columns of training. Raw: scaling is the model's.
        gaps: of a table; fill puts the median of the training rows into empty cells.
        Raises Mistake with row and column for what is missing or no number. Warns of categories unknown to training.
        """
        if isinstance(rows, pd.DataFrame):
            features, words = encode_table(rows, self.card, gaps)
            names: Sequence[object] = rows.index.tolist()
        elif isinstance(rows, np.ndarray):
            features = encode_array(rows, self.card)
            words, names = looks_prescaled(features, self.card), range(1, len(features) + 1)
        else:
            raise UserError(f"predict: an array or a table is needed, not a {type(rows).__name__}; see numpy.array")
        for word in words:
            warnings.warn(word, stacklevel=2)
        return self.of_features(features, names)

    def of_features(self, features: np.ndarray, rows: Sequence[object]) -> np.ndarray:
        """As `predict`, of raw features that are in the form of training. rows: what messages call each."""
        dtype: Any = torch.uint8 if features.dtype == np.uint8 else self.learner.dtype
        with torch.inference_mode():
            blocks = [
                self.learner(torch.tensor(features[start : start + EVAL_BATCH_SIZE], dtype=dtype))
                for start in range(0, len(features), EVAL_BATCH_SIZE)
            ]
            predictions = torch.cat(blocks)
            if predictions.ndim == 1:
                predictions = torch.stack([1 - predictions, predictions], dim=1)
        if not (good := predictions.isfinite().all(dim=1)).all():
            row = rows[int(good.int().argmin())]
            raise UserError(
                f"row {row}: no finite number is predicted; its features lie too far from those of training"
            )
        return predictions.numpy()

    def predict_class(self, rows: np.ndarray | pd.DataFrame, gaps: MissingValues = "refuse") -> np.ndarray:
        """(N,) names of classes."""
        return self.named(self.predict(rows, gaps))

    def named(self, probabilities: np.ndarray) -> np.ndarray:
        """(N,) names of classes, by what `predict` returns."""
        if not self.class_names:
            raise UserError("predict_class: this model predicts values; use predict")
        told = torch.from_numpy(probabilities)
        chosen = self.learner.choose(told[:, 1] if self.config.choice.learner == "binary_classifier" else told)
        return np.array(self.class_names)[chosen.numpy()]


def reopen(run: str | Path, allow: Sequence[str] = ()) -> Predictor:
    """run: a run folder, `last` for the newest below outputs/, or a checkpoint file, which alone is enough.

    allow: modules of your own that it was trained with. Nothing of a file is run: it is read as data.
    """
    if Path(run).suffix == ".ckpt":
        path = Path(run)
        checkpoint = read_checkpoint(path)
        config = checkpoint_config(checkpoint, path, allow)
    else:
        folder = find_run(run)
        config = read_config(folder, allow)
        path = folder / "checkpoints" / "best.ckpt"
        checkpoint = read_checkpoint(path)
    return Predictor(load_learner(checkpoint, path, config), config, checkpoint["hyper_parameters"])
