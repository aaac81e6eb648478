"""Model graph, sample images and weight histograms in TensorBoard, when asked for."""

import io
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from lightning import Callback, Trainer
from PIL import Image

from mlplab import files
from mlplab.report.decision_boundary import boundary_panels, predict_function
from mlplab.report.figure import Panel
from mlplab.trainer.tensorboard import OverlayLogger, event_files, read_images


def media_callbacks(asked: Any, overlay: OverlayLogger, splits: Any, run: Path) -> list[Callback]:
    """The callbacks that draw while a run goes on. asked: the keys of conf/report."""
    film: list[Callback] = [BoundaryAnimation(overlay, splits, run)] if asked.shape and splits.in_features <= 2 else []
    if not (asked.graph or asked.images or asked.histograms):
        return film
    return [*film, MediaLogger(overlay, splits.info.image_size, asked.graph, asked.images, asked.histograms)]


class MediaLogger(Callback):
    """images: the first 64 training rows, where they are images. Histograms are of every parameter, each epoch."""

    def __init__(
        self, overlay: OverlayLogger, image_size: tuple[int, ...] | None, graph: bool, images: bool, histograms: bool
    ) -> None:
        self.overlay = overlay
        self.image_size = image_size
        self.graph = graph
        self.images = images
        self.histograms = histograms

    def on_train_start(self, trainer: Trainer, learner: Any) -> None:
        if trainer.global_step:  # a run that goes on has drawn them
            return
        loader: Any = trainer.train_dataloader
        features = loader.part.features[:64]
        writer = self.overlay.writer()
        if self.graph:
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", message=".*torch.jit", category=FutureWarning)  # add_graph traces
                writer.add_graph(learner.network, features.to(learner.device))
        if self.images and self.image_size is not None:
            pixels = features.reshape(-1, *self.image_size).float()
            pixels = pixels / (255 if features.dtype == torch.uint8 else pixels.max())
            form = pixels[:, None] if pixels.ndim == 3 else pixels.permute(0, 3, 1, 2)
            writer.add_images("images", form, 0)
        self._draw(trainer, learner)

    def on_train_epoch_end(self, trainer: Trainer, learner: Any) -> None:
        self._draw(trainer, learner, trainer.current_epoch + 1)

    def _draw(self, trainer: Trainer, learner: Any, epoch: int = 0) -> None:
        if not self.histograms:
            return
        for name, parameter in learner.network.named_parameters():
            self.overlay.writer().add_histogram(f"weights/{name}", parameter, epoch)


TAG = "shape/"
EVERY = 50  # epochs from the first on that all have a picture; then every second up to 100, every fourth up to 200, ...
MILLISECONDS = 100
COLOURS = 128
LAST = 2500  # milliseconds of the last picture


class BoundaryAnimation(Callback):
    """Of one input or two; of more it draws nothing. The weights are those that the curves measure.

    splits: as of a run's data. The animation is made of the pictures in the event files, so that
    a run that was stopped has all of them.
    """

    def __init__(self, overlay: OverlayLogger, splits: Any, folder: str | Path) -> None:
        self.overlay = overlay
        self.splits = splits
        self.folder = Path(folder)

    def on_validation_epoch_start(self, trainer: Trainer, learner: Any) -> None:
        epoch = 0 if trainer.sanity_checking else trainer.current_epoch + 1
        if (trainer.sanity_checking and trainer.global_step) or epoch % frame_stride(epoch):
            return  # a run that goes on has drawn its start
        for panel in self._panels(learner):
            pixels = panel.pixels(f"{panel.title}, epoch {epoch}")
            self.overlay.writer().add_image(f"{TAG}{panel.name}", pixels, epoch, dataformats="HWC")

    def on_train_end(self, trainer: Trainer, learner: Any) -> None:
        self.overlay.sync()
        for panel in self._panels(learner):
            frames = read_images(event_files(self.overlay.folder), f"{TAG}{panel.name}")
            if frames:
                _write(self.folder / f"{panel.name}.gif", frames)

    def _panels(self, learner: Any) -> list[Panel]:
        train, info = self.splits.train, self.splits.info
        points = {"train": (train.features.numpy(), train.target.numpy())}
        predict = predict_function(learner, not info.task.is_regression)
        return boundary_panels(predict, points, info.feature_names, info.class_names, info.target_names)


def frame_stride(epoch: int) -> int:
    """How far apart the pictures are about an epoch."""
    step = 1
    while epoch > EVERY * step:
        step *= 2
    return step


def _write(path: Path, frames: Sequence[bytes]) -> None:
    """frames: PNG files."""
    images = [Image.open(io.BytesIO(frame)).convert("RGB") for frame in frames]
    palette = images[-1].quantize(COLOURS)
    first, *rest = (image.quantize(palette=palette, dither=Image.Dither.NONE) for image in images)
    lengths = [MILLISECONDS] * len(rest) + [LAST]
    with files.open_atomic(path) as file:
        first.save(file, "GIF", save_all=True, append_images=rest, duration=lengths, loop=0)
