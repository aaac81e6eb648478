"""The composition root: the only place where configuration becomes objects."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning
import torch
from hydra.errors import InstantiationException
from hydra.utils import instantiate
from lightning import Callback, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint, Timer
from omegaconf import DictConfig, OmegaConf
from torch import Tensor, nn

from mlplab.allowed import check_targets
from mlplab.callback.finite import FiniteGuard
from mlplab.callback.history import History
from mlplab.callback.progress import Progress
from mlplab.callback.running import Running
from mlplab.data.batches import Batches
from mlplab.data.splits import Splits
from mlplab.device import check_device
from mlplab.explain import NO_MEMORY, plain_reason
from mlplab.learner.learner import Learner
from mlplab.mistake import Mistake
from mlplab.monitor import direction
from mlplab.report.extras import Extras
from mlplab.report.overlay import Overlay

FORMAT = 1


@dataclass(frozen=True)
class Lab:
    """All that a run needs."""

    splits: Splits
    batches: Batches
    learner: Learner
    trainer: Trainer
    overlay: Overlay
    history: History


def build(config: DictConfig) -> Lab:
    """config: checked and resolved, as from `mlplab.configure`."""
    check_device(config.trainer.accelerator, config.trainer.precision)
    splits = build_splits(config)
    lightning.seed_everything(config.seed, verbose=False)
    learner = build_learner(config, splits)
    batches = Batches(splits, config.batch_size, config.seed)
    run = Path(config.run_dir)
    overlay = Overlay(run / "tensorboard")
    history = History(run / "history.csv", config.monitor, direction(config.monitor))
    trainer = build_trainer(config, [*_callbacks(config, history), *_extras(config, overlay, splits)], overlay, batches)
    return Lab(splits, batches, learner, trainer, overlay, history)


def build_splits(config: DictConfig) -> Splits:
    dtype = torch.float64 if config.trainer.precision == "64-true" else torch.float32
    splits: Splits = make(config, "data").splits(dtype)
    if config.choice.learner == "binary_classifier" and len(splits.class_names) != 2:
        found = f"data={config.choice.data} has {len(splits.class_names)}"
        raise Mistake(f"learner=binary_classifier takes two classes, {found}: use learner=classifier loss=ce")
    return splits


def build_learner(config: DictConfig, splits: Splits) -> Learner:
    """The learner, with all that it learns from training rows before the first step."""
    outputs = {
        "classifier": len(splits.class_names),
        "binary_classifier": 1,
        "regressor": len(splits.target_names),
    }[config.choice.learner]
    sizes = {"classifier": {"num_classes": outputs}, "regressor": {"num_targets": outputs}}
    network = make(config, "model", in_features=splits.in_features, out_features=outputs)
    learner: Learner = make(config, "learner")(
        network,
        build_loss(config, splits),
        optimizer=make(config, "optimizer", **_unfused(config)),
        scheduler=make(config, "scheduler") or None,
        monitor=config.monitor,
        mode=direction(config.monitor),
        **sizes.get(config.choice.learner, {}),
    )
    if config.trainer.precision == "64-true":
        learner.double()
    network.scale.learn(splits.train.features)
    learner.learn_target(splits.train.target)
    learner.hparams.update(card(config, splits))
    return learner


def build_loss(config: DictConfig, splits: Splits) -> nn.Module:
    """`balanced` class weights come from the training rows: n / (num_classes n_c), or negatives a positive."""
    weights: dict[str, Callable[[Tensor], Tensor]] = {
        "weight": lambda counts: counts.sum() / (len(counts) * counts),
        "pos_weight": lambda counts: counts[:1] / counts[1:],
    }
    given = {}
    for key, rule in weights.items():
        if config.loss.get(key) == "balanced":
            counts = torch.bincount(splits.train.target, minlength=len(splits.class_names))
            given[key] = rule(counts.to(torch.get_default_dtype()))
    loss: nn.Module = make(config, "loss", **given)
    return loss


def build_trainer(config: DictConfig, callbacks: list[Callback], overlay: Overlay, batches: Batches) -> Trainer:
    trainer: Trainer = make(
        config,
        "trainer",
        default_root_dir=config.run_dir,
        logger=overlay,
        callbacks=callbacks,
        max_time=None,  # a Timer of whole epochs stands for it, so that a row of the history is a whole epoch
        num_sanity_val_steps=-1,  # epoch 0 of the curves: measured by the same code, before any update
        log_every_n_steps=min(config.report.every_n_steps, len(batches.train_dataloader())),
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    return trainer


def make(config: DictConfig, group: str, **known: Any) -> Any:
    """The object that a group names. Raises Mistake where it may not be made, or its constructor refuses."""
    node = OmegaConf.to_container(config[group], resolve=True)
    check_targets(node, group, list(config.allow))
    try:
        return instantiate(node, _convert_="all", **known)
    except InstantiationException as error:
        cause = error.__cause__
        if isinstance(cause, Mistake):
            raise cause from error
        if cause is None or isinstance(cause, MemoryError) or NO_MEMORY.search(str(cause)):
            raise
        chosen = f"{group}={config.choice[group]}" if group in config.choice else group
        raise Mistake(f"{chosen}: {plain_reason(cause)}") from error


def _unfused(config: DictConfig) -> dict[str, bool]:
    """Under mixed precision Lightning clips no gradient of a fused optimizer."""
    clipped = config.trainer.precision.endswith("-mixed") and config.trainer.gradient_clip_val is not None
    return {"fused": False} if clipped and "fused" in config.optimizer else {}


def card(config: DictConfig, splits: Splits) -> dict[str, Any]:
    """What a checkpoint must know to predict alone: plain containers only."""
    return {
        "format": FORMAT,
        "config": OmegaConf.to_container(config),
        "in_features": splits.in_features,
        "feature_names": list(splits.feature_names),
        "columns": list(splits.columns),
        "class_names": list(splits.class_names),
        "target_names": list(splits.target_names),
        "image_size": list(splits.image_size) if splits.image_size else None,
    }


def _callbacks(config: DictConfig, history: History) -> list[Callback]:
    """The guard stands before the history, so that no row is written of a loss that is no number."""
    mode = direction(config.monitor)
    folder = os.path.join(config.run_dir, "checkpoints")
    best = ModelCheckpoint(folder, "best", monitor=config.monitor, mode=mode, enable_version_counter=False)
    last = ModelCheckpoint(folder, "last", enable_version_counter=False)
    asked = make(config, "callback") or {}
    if config.trainer.max_time is not None:
        asked["max_time"] = Timer(config.trainer.max_time, interval="epoch", verbose=False)
    chosen = [one if isinstance(one, Callback) else one(monitor=config.monitor, mode=mode) for one in asked.values()]
    interval = config.report.every_n_steps
    return [FiniteGuard(interval), history, Running(interval), Progress(), *chosen, best, last]


def _extras(config: DictConfig, overlay: Overlay, splits: Splits) -> list[Callback]:
    report = config.report
    if not (report.graph or report.images or report.histograms):
        return []
    return [Extras(overlay, splits.image_size, report.graph, report.images, report.histograms)]
