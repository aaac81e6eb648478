"""Model graph, sample images and weight histograms in TensorBoard, when asked for."""

import warnings
from pathlib import Path
from typing import Any

import torch
from lightning import Callback, Trainer

from mlplab.report.film import Film
from mlplab.report.overlay import Overlay


def drawers(asked: Any, overlay: Overlay, splits: Any, run: Path) -> list[Callback]:
    """The callbacks that draw while a run goes on. asked: the keys of conf/report."""
    film: list[Callback] = [Film(overlay, splits, run)] if asked.shape and splits.in_features <= 2 else []
    if not (asked.graph or asked.images or asked.histograms):
        return film
    return [*film, Extras(overlay, splits.image_size, asked.graph, asked.images, asked.histograms)]


class Extras(Callback):
    """images: the first 64 training rows, where they are images. Histograms are of every parameter, each epoch."""

    def __init__(
        self, overlay: Overlay, image_size: tuple[int, ...] | None, graph: bool, images: bool, histograms: bool
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
