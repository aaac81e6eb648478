"""Optional images in TensorBoard: network graph, sample images, weight histograms, animation of the fitted function."""

import io
import warnings
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import torch
from lightning import Callback, LightningModule, Trainer
from PIL import Image

from mlplab import files
from mlplab.data.splits import Splits
from mlplab.learner.learner import Learner
from mlplab.report.decision_boundary import boundary_panels, predict_function
from mlplab.report.figure import Panel
from mlplab.trainer.event_files import event_files, read_images
from mlplab.trainer.tensorboard import OverlayLogger
from mlplab.trainer.weight_trajectory import thinning_stride

MEDIA = ("shape", "graph", "images", "histograms")  # keys of the configuration group `report`
TAG = "shape/"
EVERY = 50  # every epoch has a frame up to this one, every second up to 100, every fourth up to 200, ...
MILLISECONDS = 100  # of a frame
LAST = 2500  # milliseconds of the last frame
COLOURS = 128


def media_callbacks(
    kinds: Collection[str], overlay: OverlayLogger, splits: Splits, folder: str | Path
) -> list[Callback]:
    """Returns the callbacks that draw during training. kinds: of MEDIA."""
    callbacks: list[Callback] = []
    if "shape" in kinds and splits.in_features <= 2:
        callbacks.append(BoundaryAnimation(overlay, splits, folder))
    if set(kinds) - {"shape"}:
        callbacks.append(MediaLogger(overlay, splits.info.image_size, kinds))
    return callbacks


class MediaLogger(Callback):
    """Logs the graph and the first 64 training images once, and histograms of all parameters each epoch."""

    def __init__(self, overlay: OverlayLogger, image_size: tuple[int, ...] | None, kinds: Collection[str]) -> None:
        self.overlay = overlay
        self.image_size = image_size
        self.kinds = kinds

    def on_train_start(self, trainer: Trainer, learner: LightningModule) -> None:
        assert isinstance(learner, Learner)
        if trainer.global_step:  # a resumed run has logged them
            return
        loader: Any = trainer.train_dataloader
        features = loader.part.features[:64]
        if "graph" in self.kinds:
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", message=".*torch.jit", category=FutureWarning)  # add_graph traces
                self.overlay.writer().add_graph(learner.network, features.to(learner.device))
        if "images" in self.kinds and self.image_size is not None:
            self.overlay.writer().add_images("images", _as_images(features, self.image_size), 0)
        self._log_histograms(learner, 0)

    def on_train_epoch_end(self, trainer: Trainer, learner: LightningModule) -> None:
        self._log_histograms(learner, trainer.current_epoch + 1)

    def _log_histograms(self, learner: LightningModule, epoch: int) -> None:
        assert isinstance(learner, Learner)
        if "histograms" not in self.kinds:
            return
        for name, parameter in learner.network.named_parameters():
            self.overlay.writer().add_histogram(f"weights/{name}", parameter, epoch)


class BoundaryAnimation(Callback):
    """Draws the decision boundary, or the fitted function, of one or two inputs by epoch, and saves an animation.

    The weights are those of the scores. The animation is made from the images in the event files, so that a resumed
    run has all of them.
    """

    def __init__(self, overlay: OverlayLogger, splits: Splits, folder: str | Path) -> None:
        self.overlay = overlay
        self.splits = splits
        self.folder = Path(folder)

    def on_validation_epoch_start(self, trainer: Trainer, learner: LightningModule) -> None:
        assert isinstance(learner, Learner)
        epoch = 0 if trainer.sanity_checking else trainer.current_epoch + 1
        if (trainer.sanity_checking and trainer.global_step) or epoch % thinning_stride(epoch, EVERY):
            return  # a resumed run has drawn its first frame
        for panel in self._panels(learner):
            pixels = panel.pixels(f"{panel.title}, epoch {epoch}")
            self.overlay.writer().add_image(f"{TAG}{panel.name}", pixels, epoch, dataformats="HWC")

    def on_train_end(self, trainer: Trainer, learner: LightningModule) -> None:
        assert isinstance(learner, Learner)
        self.overlay.sync()
        for panel in self._panels(learner):
            frames = read_images(event_files(self.overlay.folder), f"{TAG}{panel.name}")
            if frames:
                _write_gif(self.folder / f"{panel.name}.gif", frames)

    def _panels(self, learner: Learner) -> list[Panel]:
        train, info = self.splits.train, self.splits.info
        points = {"train": (train.features.numpy(), train.target.numpy())}
        predict = predict_function(learner, not info.task.is_regression)
        return boundary_panels(predict, points, info)


def _as_images(features: torch.Tensor, size: tuple[int, ...]) -> torch.Tensor:
    """Returns (N, C, H, W) in 0..1. size: (H, W) or (H, W, C)."""
    pixels = features.reshape(-1, *size).float()
    pixels = pixels / (255 if features.dtype == torch.uint8 else pixels.max())
    return pixels[:, None] if pixels.ndim == 3 else pixels.permute(0, 3, 1, 2)


def _write_gif(path: Path, frames: Sequence[bytes]) -> None:
    """frames: PNG files."""
    images = [Image.open(io.BytesIO(frame)).convert("RGB") for frame in frames]
    palette = images[-1].quantize(COLOURS)
    first, *rest = (image.quantize(palette=palette, dither=Image.Dither.NONE) for image in images)
    durations = [MILLISECONDS] * len(rest) + [LAST]
    with files.open_atomic(path) as file:
        first.save(file, "GIF", save_all=True, append_images=rest, duration=durations, loop=0)
