"""Decision boundary or fitted curve by epoch: pictures in TensorBoard, and an animated file of them."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lightning import Callback, Trainer
from PIL import Image

from mlplab import files
from mlplab.report.decision_boundary import shape, teller
from mlplab.report.events import event_files, images_of
from mlplab.report.figure import Panel
from mlplab.report.overlay import Overlay

TAG = "shape/"
EVERY = 50  # epochs from the first on that all have a picture; then every second up to 100, every fourth up to 200, ...
MILLISECONDS = 100
COLOURS = 128
LAST = 2500  # milliseconds of the last picture


class Film(Callback):
    """Of one input or two; of more it draws nothing. The weights are those that the curves measure.

    splits: as of a run's data. The animation is made of the pictures in the event files, so that
    a run that was stopped has all of them.
    """

    def __init__(self, overlay: Overlay, splits: Any, folder: str | Path) -> None:
        self.overlay = overlay
        self.splits = splits
        self.folder = Path(folder)

    def on_validation_epoch_start(self, trainer: Trainer, learner: Any) -> None:
        epoch = 0 if trainer.sanity_checking else trainer.current_epoch + 1
        if (trainer.sanity_checking and trainer.global_step) or epoch % stride(epoch):
            return  # a run that goes on has drawn its start
        for panel in self._panels(learner):
            pixels = panel.pixels(f"{panel.title}, epoch {epoch}")
            self.overlay.writer().add_image(f"{TAG}{panel.name}", pixels, epoch, dataformats="HWC")

    def on_train_end(self, trainer: Trainer, learner: Any) -> None:
        self.overlay.sync()
        for panel in self._panels(learner):
            frames = images_of(event_files(self.overlay.folder), f"{TAG}{panel.name}")
            if frames:
                _write(self.folder / f"{panel.name}.gif", frames)

    def _panels(self, learner: Any) -> list[Panel]:
        known = self.splits
        points = {"train": (known.train.features.numpy(), known.train.target.numpy())}
        tell = teller(learner, bool(known.class_names))
        return shape(tell, points, known.feature_names, known.class_names, known.target_names)


def stride(epoch: int) -> int:
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
    with files.writing(path) as file:
        first.save(file, "GIF", save_all=True, append_images=rest, duration=lengths, loop=0)
