"""The composition root: builds all that a run needs from its configuration, which ends here."""

import logging
import os
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning import Callback, Trainer
from lightning.pytorch.callbacks import Timer
from omegaconf import DictConfig
from torch import Tensor

from mlplab.analysis.diagnosis import measured_layers
from mlplab.analysis.layer_statistics import Layer
from mlplab.config.schema import LEARNER_TASKS, monitor_mode
from mlplab.config.tree import portable_config
from mlplab.data.datamodule import InMemoryDataModule
from mlplab.data.precision import dtype_for_precision
from mlplab.data.splits import Splits, Task
from mlplab.errors import UserError
from mlplab.learner.learner import Learner
from mlplab.model.network import Ensemble
from mlplab.run.instantiate import instantiate_group
from mlplab.run.metadata import Metadata, checkpoint_metadata, data_info, output_sizes
from mlplab.trainer.batch_blocks import fuse_batches
from mlplab.trainer.checkpoint import BestAndLastCheckpoint, DurableCheckpointIO, Judge, ResumeState
from mlplab.trainer.device import check_device
from mlplab.trainer.history import History
from mlplab.trainer.interrupt import GracefulStop
from mlplab.trainer.nan_guard import NaNGuard
from mlplab.trainer.progress import ProgressLine
from mlplab.trainer.step_metrics import StepMetrics
from mlplab.trainer.tensorboard import OverlayLogger
from mlplab.trainer.tensorboard_media import MEDIA, media_callbacks
from mlplab.trainer.weight_trajectory import WeightTrajectory

warnings.filterwarnings("ignore", message=".*LeafSpec.*", category=FutureWarning)  # inside Lightning 2.6
for name in ("lightning.pytorch", "lightning.fabric"):
    logging.getLogger(name).setLevel(logging.WARNING)


@dataclass(frozen=True)
class RunSettings:
    """What is printed, drawn and recorded about a run, as plain values.

    split: how the rows were split. activation, hidden_features: None where the model does not take them.
    """

    folder: Path
    seed: int
    data: str
    split: str
    model: str
    activation: str | None
    hidden_features: tuple[int, ...] | None
    loss: str
    scaled_target: bool
    optimizer: str
    lr: float
    batch_size: int
    max_epochs: int
    accelerator: str
    draws_curves: bool
    writes_report: bool

    @property
    def loss_label(self) -> str:
        """For an axis: the loss of a scaled target is in the scaled target's unit."""
        return f"{self.loss}, of the scaled target" if self.scaled_target else self.loss


@dataclass(frozen=True)
class Components:
    """All that a run needs. initial_layers: their statistics before the first update, where they are measured."""

    settings: RunSettings
    splits: Splits
    batches: InMemoryDataModule
    learner: Learner
    trainer: Trainer
    overlay: OverlayLogger
    history: History
    checkpoints: BestAndLastCheckpoint
    callbacks: list[Callback]
    initial_layers: list[Layer]


def build(
    config: DictConfig,
    judge: Judge | None = None,
    splits: Splits | None = None,
    fitted: Learner | None = None,
    trainer: Trainer | None = None,
    statistics: bool = True,
) -> Components:
    """config: checked and resolved. judge: of a search, may end the run early. splits: if they have been read before.
    fitted: see `build_learner`. trainer: of another run, for one that is trained without its own. statistics: whether
    the initial layers are measured.
    """
    check_device(config.trainer.accelerator, config.trainer.precision)
    splits = splits or build_splits(config)
    lightning.seed_everything(config.seed, verbose=False)
    learner = build_learner(config, splits, fitted)
    batches = InMemoryDataModule(splits, config.batch_size, config.seed)
    run, monitored = Path(config.run_dir), (config.monitor, monitor_mode(config.monitor))
    overlay, history = OverlayLogger(run / "tensorboard"), History(run / "history.csv", *monitored)
    synced = (history.sync, overlay.sync)
    checkpoints = BestAndLastCheckpoint(run / "checkpoints", *monitored, before_write=synced, judge=judge)
    trajectory = [WeightTrajectory(run / "trajectory.npz")] if config.report.trajectory else []
    media = media_callbacks([kind for kind in MEDIA if config.report[kind]], overlay, splits, run)
    callbacks = [*_callbacks(config, history, checkpoints), *trajectory, *media]
    if trainer is None:
        trainer = _trainer(
            config,
            default_root_dir=config.run_dir,
            logger=overlay,
            callbacks=callbacks,
            plugins=[DurableCheckpointIO()],
            num_sanity_val_steps=-1,  # epoch 0 of the curves: measured by the same code, before any update
            log_every_n_steps=min(config.report.every_n_steps, len(batches.train_dataloader())),
        )
        if config.trainer.compile:
            from mlplab.trainer.device import compile_network  # imports the compiler: a second

            compile_network(learner, batches)
        batches = fuse_batches(config.trainer, learner, batches, trainer)
    settings = run_settings(learner.hparams["config"])
    layers = measured_layers(learner, splits) if statistics else []
    return Components(settings, splits, batches, learner, trainer, overlay, history, checkpoints, callbacks, layers)


def build_splits(config: DictConfig) -> Splits:
    splits: Splits = instantiate_group(config, "data").splits(dtype_for_precision(config.trainer.precision))
    if LEARNER_TASKS[config.choice.learner] != Task.BINARY:
        return splits
    if len(splits.class_names) != 2:
        found = f"data={config.choice.data} has {len(splits.class_names)}"
        raise UserError(f"learner=binary_classifier takes two classes, {found}: use learner=classifier loss=ce")
    return replace(splits, info=replace(splits.info, task=Task.BINARY))


def build_learner(config: DictConfig, splits: Splits, fitted: Learner | None = None) -> Learner:
    """Builds the learner and fits its scalers to the training rows. fitted: a learner that has been fitted to the same
    rows, whose statistics are copied."""
    stored = portable_config(config)
    known = {**fitted.hparams, "config": stored} if fitted else checkpoint_metadata(stored, splits)
    learner = build_untrained_learner(config, known, balanced_weights(stored["loss"], splits))
    scale: Any = learner.network.scale
    if fitted:
        scale.load_state_dict(fitted.get_submodule("network.scale").state_dict())
    else:
        scale.learn(splits.train.features)
    learner.learn_target(splits.train.target)
    return learner


def build_untrained_learner(
    config: DictConfig, known: Metadata, class_weights: Mapping[str, Tensor] | None = None
) -> Learner:
    """Builds the learner that the metadata of a checkpoint describe; a state_dict fills what is fitted to data.

    class_weights: of a loss that balances the classes, by its key. For an ensemble the learner has the networks of all
    members.
    """
    info = data_info(known)
    outputs, sizes = output_sizes(info)
    networks = [
        instantiate_group(config, "model", in_features=info.in_features, out_features=outputs)
        for _ in range(config.ensemble or 1)
    ]
    if class_weights is None:
        class_weights = unit_weights(config.loss, len(info.class_names))
    # under mixed precision Lightning does not clip the gradients of a fused optimizer
    clips_mixed = config.trainer.precision.endswith("-mixed") and config.trainer.gradient_clip_val is not None
    unfused = {"fused": False} if clips_mixed and "fused" in config.optimizer else {}
    learner: Learner = instantiate_group(config, "learner")(
        networks[0],
        instantiate_group(config, "loss", **class_weights),
        optimizer=instantiate_group(config, "optimizer", **unfused),
        scheduler=instantiate_group(config, "scheduler") or None,
        monitor=config.monitor,
        mode=monitor_mode(config.monitor),
        **sizes,
    )
    if config.ensemble:
        learner.network = Ensemble(networks, learner.combine)
    if config.trainer.precision == "64-true":
        learner.double()
    learner.hparams.update(known)
    return learner


def build_evaluator(config: DictConfig, **arguments: Any) -> Trainer:
    """Builds a trainer with the precision and the device of training that writes nothing. arguments: of Trainer.

    Raises UserError where the device is not available or does not support the precision: scores would differ.
    """
    check_device(config.trainer.accelerator, config.trainer.precision, trained=True)
    return _trainer(config, logger=False, enable_checkpointing=False, **arguments)


def _trainer(config: DictConfig, **arguments: Any) -> Trainer:
    config = config.copy()
    torch.set_float32_matmul_precision(config.trainer.pop("matmul_precision"))
    for key in ("blocks", "compile"):  # not the Trainer's either
        config.trainer.pop(key)
    config.trainer.max_time = None  # a Timer that stops after whole epochs replaces it: a row of the history is one
    trainer: Trainer = instantiate_group(
        config, "trainer", enable_progress_bar=False, enable_model_summary=False, **arguments
    )
    if not torch.cuda.is_available():  # Lightning has each step of Adam look for a GPU in a way that takes 30 us
        os.environ["PYTORCH_NVML_BASED_CUDA_CHECK"] = "0"
    return trainer


def _callbacks(config: DictConfig, history: History, checkpoints: BestAndLastCheckpoint) -> list[Callback]:
    """Builds the callbacks; NaNGuard comes before the history, so that no row is written for a loss of NaN."""
    mode = monitor_mode(config.monitor)
    chosen = instantiate_group(config, "callback") or {}
    if config.trainer.max_time is not None:
        chosen["max_time"] = Timer(config.trainer.max_time, interval="epoch", verbose=False)
    own = [one if isinstance(one, Callback) else one(monitor=config.monitor, mode=mode) for one in chosen.values()]
    interval = config.report.every_n_steps
    last = [ResumeState(config.monitor), GracefulStop(checkpoints), checkpoints]
    return [NaNGuard(interval), history, StepMetrics(interval), ProgressLine(), *own, *last]


def run_settings(stored: Mapping[str, Any]) -> RunSettings:
    """stored: the configuration as a checkpoint holds it, in plain containers: a DictConfig takes 20 us a key."""
    choice, data, model, trainer, report = (stored[group] for group in ("choice", "data", "model", "trainer", "report"))
    hidden, folds = model.get("hidden_features"), data.get("folds")
    return RunSettings(
        folder=Path(stored["run_dir"]),
        seed=stored["seed"],
        data=choice["data"],
        split=f"{data['split']} split" + ("" if folds is None else f", fold {data['fold']} of 0 to {folds - 1}"),
        model=choice["model"],
        activation=choice["activation"] if "activation" in model else None,
        hidden_features=None if hidden is None else tuple(hidden),
        loss=choice["loss"],
        scaled_target=stored["learner"].get("target_scaling", "none") != "none",
        optimizer=choice["optimizer"],
        lr=stored["optimizer"]["lr"],
        batch_size=stored["batch_size"],
        max_epochs=trainer["max_epochs"],
        accelerator=trainer["accelerator"],
        draws_curves=report["picture"],
        writes_report=report["html"],
    )


# by the key of the loss, from the number of training rows of each class
CLASS_WEIGHTS: dict[str, Callable[[Tensor], Tensor]] = {
    "weight": lambda counts: counts.sum() / (len(counts) * counts),
    "pos_weight": lambda counts: counts[:1] / counts[1:],
}


def balanced_weights(loss: Mapping[str, Any], splits: Splits) -> dict[str, Tensor]:
    """Class weights from the training rows, by the keys of the loss that are `balanced`: n / (num_classes n_c), or
    negatives / positives."""
    keys = _balanced_keys(loss)
    if not keys:
        return {}
    counts = torch.bincount(splits.train.target, minlength=len(splits.class_names)).to(torch.get_default_dtype())
    return {key: CLASS_WEIGHTS[key](counts) for key in keys}


def unit_weights(loss: Mapping[str, Any], num_classes: int) -> dict[str, Tensor]:
    """Returns weights of the same shape, until a state_dict fills them."""
    return {key: CLASS_WEIGHTS[key](torch.ones(num_classes)) for key in _balanced_keys(loss)}


def _balanced_keys(loss: Mapping[str, Any]) -> list[str]:
    return [key for key in CLASS_WEIGHTS if loss.get(key) == "balanced"]
