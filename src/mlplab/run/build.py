"""The composition root: the only place where configuration becomes objects."""

import logging
import os
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning import Callback, Trainer
from lightning.pytorch.callbacks import Timer
from omegaconf import DictConfig
from torch import Tensor, nn

from mlplab.analysis.diagnosis import measured_layers
from mlplab.analysis.layer_statistics import Layer
from mlplab.config.schema import LEARNER_TASKS, monitor_mode
from mlplab.config.tree import portable_config
from mlplab.data.datamodule import InMemoryDataModule
from mlplab.data.precision import dtype_for_precision
from mlplab.data.splits import DataInfo, Splits, Task
from mlplab.errors import UserError
from mlplab.learner.learner import Learner
from mlplab.model.network import Ensemble
from mlplab.run.instantiate import instantiate_group
from mlplab.run.metadata import Metadata, checkpoint_metadata, data_info, output_sizes
from mlplab.trainer.batch_blocks import fuse_batches
from mlplab.trainer.checkpoint import BestAndLastCheckpoint, Judge, Pruning, ResumeState
from mlplab.trainer.device import check_device
from mlplab.trainer.history import History
from mlplab.trainer.interrupt import GracefulStop
from mlplab.trainer.nan_guard import NaNGuard
from mlplab.trainer.progress import ProgressLine
from mlplab.trainer.step_metrics import StepMetrics
from mlplab.trainer.tensorboard import OverlayLogger
from mlplab.trainer.tensorboard_media import media_callbacks
from mlplab.trainer.weight_trajectory import WeightTrajectory

warnings.filterwarnings("ignore", message=".*LeafSpec.*", category=FutureWarning)  # inside Lightning 2.6


for name in ("lightning.pytorch", "lightning.fabric"):
    logging.getLogger(name).setLevel(logging.WARNING)


@dataclass(frozen=True)
class Components:
    """All that a run needs."""

    splits: Splits
    batches: InMemoryDataModule
    learner: Learner
    trainer: Trainer
    overlay: OverlayLogger
    history: History
    checkpoints: BestAndLastCheckpoint
    callbacks: list[Callback]
    start: list[Layer] = field(default_factory=list)  # before the first update


def build(config: DictConfig, judge: Judge | None = None) -> Components:
    """config: checked and resolved. judge: of a search, may end it."""
    lab = build_without_statistics(config, judge)
    return replace(lab, start=measured_layers(lab.learner, lab.splits))


def build_without_statistics(
    config: DictConfig,
    judge: Judge | None = None,
    splits: Splits | None = None,
    taught: Learner | None = None,
    trainer: Trainer | None = None,
) -> Components:
    """As `build`, but for its layers. splits: where they have been read. taught: as for `build_learner`. trainer: of
    another lab, for one that trains by other means."""
    check_device(config.trainer.accelerator, config.trainer.precision)
    splits = splits or build_splits(config)
    lightning.seed_everything(config.seed, verbose=False)
    learner = build_learner(config, splits, taught)
    batches = InMemoryDataModule(splits, config.batch_size, config.seed)
    run, judged = Path(config.run_dir), (config.monitor, monitor_mode(config.monitor))
    overlay, history = OverlayLogger(run / "tensorboard"), History(run / "history.csv", *judged)
    checkpoints = BestAndLastCheckpoint(run / "checkpoints", *judged, first=(history.sync, overlay.sync))
    judged_by = [Pruning(checkpoints, config.monitor, judge)] if judge else []
    traced = [WeightTrajectory(run / "trajectory.npz")] if config.report.trajectory else []
    drawn = [*traced, *media_callbacks(config.report, overlay, splits, run)]
    callbacks = [*_callbacks(config, history, checkpoints), *judged_by, *drawn]
    if trainer:
        return Components(splits, batches, learner, trainer, overlay, history, checkpoints, callbacks)
    trainer = build_trainer(config, callbacks, overlay, batches)
    if config.trainer.compile:
        from mlplab.trainer.device import compile_network  # imports the compiler: a second

        compile_network(learner, batches)
    batches = fuse_batches(config, learner, batches, trainer)
    return Components(splits, batches, learner, trainer, overlay, history, checkpoints, callbacks)


def build_splits(config: DictConfig) -> Splits:
    splits: Splits = instantiate_group(config, "data").splits(dtype_for_precision(config.trainer.precision))
    if LEARNER_TASKS[config.choice.learner] != Task.BINARY:
        return splits
    if len(splits.class_names) != 2:
        found = f"data={config.choice.data} has {len(splits.class_names)}"
        raise UserError(f"learner=binary_classifier takes two classes, {found}: use learner=classifier loss=ce")
    return replace(splits, info=replace(splits.info, task=Task.BINARY))


def build_learner(config: DictConfig, splits: Splits, taught: Learner | None = None) -> Learner:
    """The learner, with all that it first learns from training rows. taught: one of its form that has learned that."""
    known = {**taught.hparams, "config": portable_config(config)} if taught else checkpoint_metadata(config, splits)
    learner = build_untrained_learner(config, known, balanced_weights(config, splits))
    scale: Any = learner.network.scale
    if taught:
        scale.load_state_dict(taught.get_submodule("network.scale").state_dict())
    else:
        scale.learn(splits.train.features)
    learner.learn_target(splits.train.target)
    return learner


def build_untrained_learner(
    config: DictConfig, known: Metadata, weights: Mapping[str, Tensor] | None = None
) -> Learner:
    """The learner that a card describes, before it has seen a row: a state_dict fills what is learned from data.

    weights: of the classes, where they are balanced. Of an ensemble the learner has the networks of all members.
    """
    info = data_info(known)
    outputs, told = output_sizes(info)
    networks = [
        instantiate_group(config, "model", in_features=info.in_features, out_features=outputs)
        for _ in range(config.ensemble or 1)
    ]
    learner: Learner = instantiate_group(config, "learner")(
        networks[0],
        build_loss(config, weights or unit_weights(config, info)),
        optimizer=instantiate_group(config, "optimizer", **_unfused(config)),
        scheduler=instantiate_group(config, "scheduler") or None,
        monitor=config.monitor,
        mode=monitor_mode(config.monitor),
        **told,
    )
    if config.ensemble:
        learner.network = Ensemble(networks, learner.combine)
    if config.trainer.precision == "64-true":
        learner.double()
    learner.hparams.update(known)
    return learner


def build_loss(config: DictConfig, weights: Mapping[str, Tensor]) -> nn.Module:
    return instantiate_group(config, "loss", **weights)


def build_evaluator(config: DictConfig, **known: Any) -> Trainer:
    """A trainer of the same precision, on the same device, that only measures, and writes nothing. Raises Mistake where
    the device is not there, or has not the precision: the scores would be others."""
    check_device(config.trainer.accelerator, config.trainer.precision, trained=True)
    return _trainer(config, logger=False, enable_checkpointing=False, **known)


def build_trainer(
    config: DictConfig, callbacks: list[Callback], overlay: OverlayLogger, batches: InMemoryDataModule
) -> Trainer:
    return _trainer(
        config,
        default_root_dir=config.run_dir,
        logger=overlay,
        callbacks=callbacks,
        num_sanity_val_steps=-1,  # epoch 0 of the curves: measured by the same code, before any update
        log_every_n_steps=min(config.report.every_n_steps, len(batches.train_dataloader())),
    )


def _trainer(config: DictConfig, **known: Any) -> Trainer:
    config = config.copy()
    torch.set_float32_matmul_precision(config.trainer.pop("matmul_precision"))
    for key in ("blocks", "compile"):  # not the Trainer's either
        config.trainer.pop(key)
    config.trainer.max_time = None  # a Timer of whole epochs stands for it, so that a row of the history is one
    trainer: Trainer = instantiate_group(
        config, "trainer", enable_progress_bar=False, enable_model_summary=False, **known
    )
    if not torch.cuda.is_available():  # Lightning has each step of Adam look for a GPU in a way that takes 30 us
        os.environ["PYTORCH_NVML_BASED_CUDA_CHECK"] = "0"
    return trainer


def _unfused(config: DictConfig) -> dict[str, bool]:
    """Under mixed precision Lightning clips no gradient of a fused optimizer."""
    clipped = config.trainer.precision.endswith("-mixed") and config.trainer.gradient_clip_val is not None
    return {"fused": False} if clipped and "fused" in config.optimizer else {}


def _callbacks(config: DictConfig, history: History, checkpoints: BestAndLastCheckpoint) -> list[Callback]:
    """The guard stands before the history, so that no row is written of a loss that is no number."""
    mode = monitor_mode(config.monitor)
    asked = instantiate_group(config, "callback") or {}
    if config.trainer.max_time is not None:
        asked["max_time"] = Timer(config.trainer.max_time, interval="epoch", verbose=False)
    chosen = [one if isinstance(one, Callback) else one(monitor=config.monitor, mode=mode) for one in asked.values()]
    interval = config.report.every_n_steps
    kept = [ResumeState(config.monitor), GracefulStop(checkpoints), checkpoints]
    return [NaNGuard(interval), history, StepMetrics(interval), ProgressLine(), *chosen, *kept]


# by the key of the loss, from the number of training rows of each class
RULES: dict[str, Callable[[Tensor], Tensor]] = {
    "weight": lambda counts: counts.sum() / (len(counts) * counts),
    "pos_weight": lambda counts: counts[:1] / counts[1:],
}


def balanced_weights(config: DictConfig, splits: Splits) -> dict[str, Tensor]:
    """From the training rows: n / (num_classes n_c), or negatives a positive."""
    weights = {}
    for key, rule in _asked(config).items():
        counts = torch.bincount(splits.train.target, minlength=len(splits.class_names))
        weights[key] = rule(counts.to(torch.get_default_dtype()))
    return weights


def unit_weights(config: DictConfig, info: DataInfo) -> dict[str, Tensor]:
    """Of the same form, until a state_dict fills them."""
    equal = torch.ones(len(info.class_names))
    return {key: rule(equal) for key, rule in _asked(config).items()}


def _asked(config: DictConfig) -> dict[str, Callable[[Tensor], Tensor]]:
    return {key: rule for key, rule in RULES.items() if config.loss.get(key) == "balanced"}
