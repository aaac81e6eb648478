"""reopen: loads a run as a model that predicts, from Python."""

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
from mlplab.data.splits import DataInfo, Task
from mlplab.errors import UserError
from mlplab.learner.learner import Learner
from mlplab.run.config_file import read_config
from mlplab.run.folder import find_run
from mlplab.run.load import checkpoint_config, load_learner, load_run, read_checkpoint
from mlplab.run.metadata import data_info


@dataclass(frozen=True)
class Predictor:
    """learner: a LightningModule in evaluation mode, on the CPU. config: what it was trained with. info: its data."""

    learner: Learner
    config: DictConfig
    info: DataInfo

    @property
    def class_names(self) -> list[str]:
        return list(self.info.class_names)

    @property
    def target_names(self) -> list[str]:
        return list(self.info.target_names)

    @property
    def feature_names(self) -> list[str]:
        return list(self.info.feature_names)

    @property
    def image_size(self) -> tuple[int, ...] | None:
        return self.info.image_size

    def predict(self, rows: np.ndarray | pd.DataFrame, gaps: MissingValues = "refuse") -> np.ndarray:
        """Returns (N, num_classes) probabilities in the order of `class_names`, for two classes too; for regression (N,
        num_targets) in the unit of the target.

        rows: (N, in_features), (N, *image_size), or a table with the columns of training; not scaled, the model does.
        gaps: missing values of a table; `fill` imputes the median of the training rows.
        Raises UserError with row and column for a missing or invalid value. Warns of categories unknown to training.
        """
        if isinstance(rows, pd.DataFrame):
            features, notes = encode_table(rows, self.info, gaps)
            names: Sequence[object] = rows.index.tolist()
        elif isinstance(rows, np.ndarray):
            features = encode_array(rows, self.info)
            notes, names = looks_prescaled(features, self.info), range(1, len(features) + 1)
        else:
            raise UserError(f"predict: an array or a table is needed, not a {type(rows).__name__}; see numpy.array")
        for note in notes:
            warnings.warn(note, stacklevel=2)
        return self.of_features(features, names)

    def of_features(self, features: np.ndarray, rows: Sequence[object]) -> np.ndarray:
        """Predicts as `predict` does, from features in the form of the training rows. rows: row names for messages."""
        dtype: Any = torch.uint8 if features.dtype == np.uint8 else self.learner.dtype
        with torch.inference_mode():
            blocks = [
                self.learner(torch.tensor(features[start : start + EVAL_BATCH_SIZE], dtype=dtype))
                for start in range(0, len(features), EVAL_BATCH_SIZE)
            ]
            predictions = torch.cat(blocks)
            if self.info.task is Task.BINARY:
                predictions = torch.stack([1 - predictions, predictions], dim=1)
        if not (finite := predictions.isfinite().all(dim=1)).all():
            row = rows[int(finite.int().argmin())]
            raise UserError(
                f"row {row}: no finite number is predicted; its features lie too far from those of training"
            )
        return predictions.numpy()

    def predict_class(self, rows: np.ndarray | pd.DataFrame, gaps: MissingValues = "refuse") -> np.ndarray:
        """Returns (N,) class names."""
        return self.named(self.predict(rows, gaps))

    def named(self, probabilities: np.ndarray) -> np.ndarray:
        """Returns (N,) class names, from the probabilities that `predict` returns."""
        if self.info.task.is_regression:
            raise UserError("predict_class: this is a regression model; use predict")
        scores = torch.from_numpy(probabilities)
        chosen = self.learner.choose(scores[:, 1] if self.info.task is Task.BINARY else scores)
        return np.array(self.class_names)[chosen.numpy()]


def reopen(run: str | Path, allow: Sequence[str] = ()) -> Predictor:
    """Loads a run folder, `last` for the newest below outputs/, or a checkpoint file, which needs no run folder.

    allow: your own modules that the run was trained with. Files are read as data: no code in them is executed.
    """
    if Path(run).suffix == ".ckpt":
        path = Path(run)
        checkpoint = read_checkpoint(path)
        config, known = checkpoint_config(checkpoint, path, allow), checkpoint["hyper_parameters"]
        learner = load_learner(checkpoint, path, config)
    else:
        folder = find_run(run)
        config = read_config(folder, allow)
        learner, known = load_run(folder, config)
    return Predictor(learner, config, data_info(known))
