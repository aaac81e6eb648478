"""The user's own images: one folder a class, one size, grey unless grey=false."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from mlplab.data.image_folder import ImageFolder
from mlplab.errors import UserError


def save(folder: Path, name: str, pixels: np.ndarray) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Ten grey images of 28 x 28 for each of two classes; the first pixel holds the class and number."""
    for label, name in enumerate(("cat", "dog")):
        for number in range(10):
            pixels = np.random.default_rng(number).integers(0, 256, (28, 28), dtype=np.uint8)
            pixels[0, 0] = 100 * label + number
            save(tmp_path, f"{name}/{number}.png", pixels)
    return tmp_path


def test_grey_images_of_28_by_28_keep_every_pixel_by_default(root: Path) -> None:
    splits = ImageFolder(root=str(root)).splits()
    assert splits.class_names == ("cat", "dog")
    assert splits.info.image_size == (28, 28)
    assert splits.info.feature_names[0] == "pixel1"
    assert splits.info.feature_names[-1] == "pixel784"
    parts = (splits.train, splits.val, splits.test)
    assert [len(part) for part in parts] == [12, 4, 4]
    for part in parts:
        assert part.features.dtype == torch.uint8
        assert torch.equal(part.features[:, 0] // 100, part.target.to(torch.uint8))
        for row in part.features.numpy():
            expected = np.random.default_rng(row[0] % 100).integers(0, 256, (28, 28), dtype=np.uint8)
            assert np.array_equal(row[1:], expected.reshape(-1)[1:])


def test_colours_are_converted_to_grey_by_their_brightness(tmp_path: Path) -> None:
    for name, colour in {"a/red": (255, 0, 0), "b/green": (0, 255, 0), "c/blue": (0, 0, 255)}.items():
        save(tmp_path, f"{name}.png", np.full((28, 28, 3), colour, dtype=np.uint8))
    # 0.299 red + 0.587 green + 0.114 blue of 255
    assert ImageFolder(root=str(tmp_path)).read().features[:, 5].tolist() == [76, 150, 29]


def test_colour_images_have_red_green_blue_of_each_pixel(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (28, 28, 3), dtype=np.uint8)
    save(tmp_path, "a/1.png", pixels)
    save(tmp_path, "b/1.png", np.full((28, 28), 9, dtype=np.uint8))
    rows = ImageFolder(root=str(tmp_path), grey=False).read()
    assert rows.image_size == (28, 28, 3)
    assert np.array_equal(rows.features[0], pixels.reshape(-1))
    assert np.array_equal(rows.features[1], np.full(28 * 28 * 3, 9))


def test_images_are_resized_to_height_and_width(tmp_path: Path) -> None:
    wide = np.zeros((40, 60), dtype=np.uint8)
    wide[:, 30:] = 200
    save(tmp_path, "a/1.png", wide)
    rows = ImageFolder(root=str(tmp_path), size=[4, 6]).read()
    assert rows.image_size == (4, 6)
    image = rows.features.reshape(4, 6)
    assert (image[:, :2] == 0).all()
    assert (image[:, 4:] == 200).all()


def test_the_orientation_of_a_camera_is_applied(tmp_path: Path) -> None:
    shades = np.zeros((28, 28), dtype=np.uint8)
    shades[:, 14:] = 200
    lying = Image.fromarray(shades)
    exif = lying.getexif()
    exif[0x0112] = 6  # the camera's top was at the right: viewers turn it clockwise
    (tmp_path / "a").mkdir()
    lying.save(tmp_path / "a" / "1.png", exif=exif)
    found = ImageFolder(root=str(tmp_path)).read().features.reshape(28, 28)
    assert np.array_equal(found, np.rot90(shades, -1))


def test_an_image_of_16_bits_per_pixel_keeps_its_brightness(tmp_path: Path) -> None:
    shades = np.arange(28 * 28).reshape(28, 28) % 256
    save(tmp_path, "a/1.png", (shades * 257).astype(np.uint16))
    found = ImageFolder(root=str(tmp_path)).read().features.reshape(28, 28)
    assert np.abs(found.astype(int) - shades).max() <= 1


@pytest.mark.parametrize("content", [b"not an image", b""])
def test_a_file_that_is_not_an_image_is_refused_by_name(content: bytes, root: Path) -> None:
    (root / "dog" / "broken.png").write_bytes(content)
    with pytest.raises(UserError, match=r"dog.broken\.png: not an image"):
        ImageFolder(root=str(root)).read()


def test_half_an_image_is_refused_by_name(root: Path) -> None:
    path = root / "cat" / "3.png"
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(UserError, match=r"cat.3\.png: not an image"):
        ImageFolder(root=str(root)).read()


def test_a_missing_folder_is_refused_by_its_key(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"data\.root=.*nowhere.*one folder of images per class"):
        ImageFolder(root=str(tmp_path / "nowhere")).read()


def test_a_folder_without_classes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="one folder of images per class"):
        ImageFolder(root=str(tmp_path)).read()


def test_a_class_without_images_is_refused_by_name(root: Path) -> None:
    (root / "owl").mkdir()
    with pytest.raises(UserError, match="owl"):
        ImageFolder(root=str(root)).read()


def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    path = save(tmp_path, "one.png", np.zeros((28, 28), dtype=np.uint8))
    with pytest.raises(UserError, match=r"data\.root=.*one\.png"):
        ImageFolder(root=str(path)).read()


def test_hidden_folders_are_not_classes(root: Path) -> None:
    (root / ".ipynb_checkpoints").mkdir()
    assert ImageFolder(root=str(root)).read().class_names == {0: "cat", 1: "dog"}


def test_one_class_only_is_refused_by_its_name(tmp_path: Path) -> None:
    for number in range(10):
        save(tmp_path, f"cat/{number}.png", np.zeros((28, 28), dtype=np.uint8))
    with pytest.raises(UserError, match=r"one class only \(cat\)"):
        ImageFolder(root=str(tmp_path)).splits()


def test_a_size_needs_height_and_width(root: Path) -> None:
    with pytest.raises(UserError, match=r"data\.size=\[32\]: height and width"):
        ImageFolder(root=str(root), size=[32])


def test_rows_are_named_by_their_file(root: Path) -> None:
    splits = ImageFolder(root=str(root)).splits()
    for called, pixels in zip(splits.origin["val"].index, splits.val.features[:, 0].tolist(), strict=True):
        assert called == f"{('cat', 'dog')[pixels // 100]}/{pixels % 100}.png"


def test_each_image_outside_the_test_set_validates_in_one_fold(root: Path) -> None:
    folds = [ImageFolder(root=str(root), folds=4, fold=fold).splits() for fold in range(4)]
    seen = [name for one in folds for name in one.origin["val"].index]
    assert len(seen) == len(set(seen)) == 16
    assert not set(seen) & set(folds[0].origin["test"].index)
