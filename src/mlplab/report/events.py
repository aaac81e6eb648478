"""TensorBoard's event files, read back when a run goes on."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from tensorboard.backend.event_processing.event_file_loader import LegacyEventFileLoader

AT_THE_END = ("best/", "_hparams_/", "report/", "verdict")  # written once a run is over
BY_EPOCH = ("weights/", "images", "shape/")  # what else stands here is drawn by step


def event_files(folder: str | Path) -> list[Path]:
    return sorted(Path(folder).glob("events.out.tfevents.*"))


def drawn_by(paths: Sequence[Path], epochs: int, step: int) -> Iterator[Any]:
    """The events that a run had drawn after so many epochs and updates, each once; a record cut short ends its file."""
    seen: set[tuple[tuple[str, ...], int]] = set()
    for event in _events(paths):
        tags = tuple(value.tag for value in event.summary.value)
        key = (tags or (str(event.WhichOneof("what")),), event.step)
        last = epochs if not tags or tags[0].startswith(BY_EPOCH) else step
        if event.WhichOneof("what") == "file_version" or key in seen or event.step > last:
            continue
        if not any(tag.startswith(AT_THE_END) for tag in tags):
            seen.add(key)
            yield event


def images_of(paths: Sequence[Path], tag: str) -> list[bytes]:
    """The pictures of a tag as PNG files, by step."""
    found = {
        event.step: value.image.encoded_image_string
        for event in _events(paths)
        for value in event.summary.value
        if value.tag == tag
    }
    return [found[step] for step in sorted(found)]


def remove(paths: Iterable[Path]) -> None:
    for path in paths:
        path.unlink()


def _events(paths: Sequence[Path]) -> Iterator[Any]:
    for path in paths:
        yield from LegacyEventFileLoader(str(path)).Load()
