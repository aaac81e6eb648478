"""Images of any kind come into the form of the training images."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mlplab.data.inference import border_pixels, from_images
from mlplab.errors import UserError

KNOWN: dict[str, Any] = {
    "in_features": 64,
    "image_size": [8, 8],
    "image_white": 255.0,
    "image_border": [0.0, 0.05],
}
SQUARE = np.zeros((8, 8), dtype=np.uint8)
SQUARE[3:5, 3:5] = 255


def test_the_border_is_the_outermost_ring() -> None:
    assert border_pixels([3, 4]).reshape(3, 4).tolist() == [[True] * 4, [True, False, False, True], [True] * 4]
    assert border_pixels([3, 3, 3]).sum() == 8 * 3


@pytest.mark.parametrize("form", ["plain", "large", "colour", "jpeg", "negative", "transparent", "palette", "bits16"])
def test_a_square_is_the_same_square_in_whatever_file_it_comes(tmp_path: Path, form: str) -> None:
    image = Image.fromarray(SQUARE)
    large = image.resize((80, 80), Image.Resampling.NEAREST)
    black = Image.new("L", (80, 80), 0)
    path = tmp_path / ("a.jpg" if form == "jpeg" else "a.png")
    {
        "plain": image,
        "large": large,
        "colour": large.convert("RGB"),
        "jpeg": large,
        "negative": Image.fromarray(255 - SQUARE),
        "transparent": Image.merge("LA", (black, large)),  # black ink, seen on white
        "palette": large.convert("P"),
        "bits16": Image.fromarray(SQUARE.astype(np.uint16) * 257),
    }[form].save(path)
    unseen = from_images(str(path), KNOWN)
    assert unseen.rows == [path.name]
    apart = np.abs(unseen.features[0].reshape(8, 8).astype(int) - SQUARE).max()
    assert apart <= (0 if form in ("plain", "negative", "bits16") else 70)  # resizing blurs an edge
    assert ("1 of 1 images were inverted (invert=auto)" in unseen.words) == (form in ("negative", "transparent"))


def test_inversion_can_be_asked_for_or_forbidden(tmp_path: Path) -> None:
    Image.fromarray(255 - SQUARE).save(tmp_path / "a.png")
    kept, turned = (from_images(str(tmp_path / "a.png"), KNOWN, invert).features[0] for invert in (False, True))
    assert kept.tolist() == (255 - SQUARE).reshape(-1).tolist()
    assert turned.tolist() == SQUARE.reshape(-1).tolist()


def test_images_like_the_training_images_are_never_inverted(tmp_path: Path) -> None:
    for brightness in (0, 100, 200, 255):
        Image.new("L", (8, 8), brightness).save(tmp_path / f"{brightness}.png")
    photos = {**KNOWN, "image_border": [0.0, 1.0]}
    assert from_images(str(tmp_path), photos).words == []


def test_a_folder_is_taken_by_name_and_other_files_are_told(tmp_path: Path) -> None:
    for name in ("b.png", "a.PNG", "c.jpg"):
        Image.fromarray(SQUARE).save(tmp_path / name)
    (tmp_path / "notes.txt").write_text("mine")
    unseen = from_images(str(tmp_path), KNOWN)
    assert list(unseen.rows) == ["a.PNG", "b.png", "c.jpg"]
    assert unseen.words == ["1 files that are no images were not used"]


def test_shades_become_those_of_the_training_images(tmp_path: Path) -> None:
    Image.fromarray(SQUARE).save(tmp_path / "a.png")
    assert from_images(str(tmp_path / "a.png"), {**KNOWN, "image_white": 16.0}).features.max() == 16
    colour = {**KNOWN, "image_size": [8, 8, 3], "in_features": 192}
    assert from_images(str(tmp_path / "a.png"), colour).features.shape == (1, 192)


def test_what_cannot_be_taken_is_one_line(tmp_path: Path) -> None:
    image = tmp_path / "a.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64), dtype=np.uint8)).save(image)
    cut = tmp_path / "cut" / "cut.png"
    cut.parent.mkdir()
    cut.write_bytes(image.read_bytes()[:1000])
    with pytest.raises(UserError, match=r"cut.png: not an image that can be read"):
        from_images(str(cut.parent), KNOWN)
    with pytest.raises(UserError, match="trained on 64 columns, not on images"):
        from_images(str(image), {**KNOWN, "image_size": None})
    with pytest.raises(UserError, match="of an older mlplab"):
        from_images(str(image), {"in_features": 64, "image_size": [8, 8]})
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="no image in this folder"):
        from_images(str(tmp_path / "empty"), KNOWN)
