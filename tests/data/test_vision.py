"""Images as torchvision lays them out on disk: counts, orientation, names, and no network."""

import gzip
import struct
import sys
from pathlib import Path
from types import FrameType

import numpy as np
import pytest
import torch

from mlplab.data.vision import Vision
from mlplab.errors import UserError


def write(folder: Path, prefix: str, images: np.ndarray, labels: np.ndarray) -> None:
    """IDX: two zero bytes, 8 for unsigned bytes, the number of dimensions, each as a big-endian int, then the bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    for kind, values in (("images-idx3", images), ("labels-idx1", labels)):
        header = struct.pack(f">BBBB{values.ndim}I", 0, 0, 8, values.ndim, *values.shape)
        (folder / f"{prefix}-{kind}-ubyte").write_bytes(header + values.astype(np.uint8).tobytes())


def drawn(count: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, 28, 28), dtype=np.uint8)


def test_files_laid_out_as_the_download_would_are_read_without_it(tmp_path: Path) -> None:
    images, labels = {"train": drawn(40, 0), "t10k": drawn(15, 1)}, {}
    for prefix, pixels in images.items():
        labels[prefix] = np.arange(len(pixels)) % 10
        write(tmp_path / "KMNIST" / "raw", prefix, pixels, labels[prefix])
    splits = Vision(name="KMNIST", root=str(tmp_path), split="official", val_fraction=0.25).splits()
    assert [len(part) for part in (splits.train, splits.val, splits.test)] == [30, 10, 15]
    assert splits.class_names == ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo")
    assert splits.info.image_size == (28, 28)
    assert len(splits.info.feature_names) == 784
    assert splits.test.features.tolist() == images["t10k"].reshape(15, 784).tolist()
    assert splits.test.target.tolist() == labels["t10k"].tolist()
    seen = torch.cat([splits.train.features, splits.val.features]).tolist()
    assert sorted(seen) == sorted(images["train"].reshape(40, 784).tolist())
    folds = [Vision(name="KMNIST", root=str(tmp_path), split="official", folds=4, fold=n).splits() for n in range(4)]
    turns = torch.cat([one.val.features for one in folds]).tolist()
    assert sorted(turns) == sorted(images["train"].reshape(40, 784).tolist())
    assert all(torch.equal(one.test.features, splits.test.features) for one in folds)


def test_emnist_letters_are_upright_and_start_at_a(tmp_path: Path) -> None:
    train, test = drawn(52, 0), drawn(26, 1)
    labels = np.arange(26) + 1
    write(tmp_path / "EMNIST" / "raw", "emnist-letters-train", train, np.tile(labels, 2))
    write(tmp_path / "EMNIST" / "raw", "emnist-letters-test", test, labels)
    dataset = Vision(name="EMNIST", root=str(tmp_path), subset="letters", split="official", val_fraction=0.5)
    splits = dataset.splits()
    assert splits.class_names == tuple("abcdefghijklmnopqrstuvwxyz")
    assert splits.test.target.tolist() == list(range(26))
    for stored, found in zip(test, splits.test.features.numpy(), strict=True):
        assert np.array_equal(found.reshape(28, 28), stored.T)


def test_an_unknown_emnist_subset_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="capitals"):
        Vision(name="EMNIST", root=str(tmp_path), subset="capitals").read()


@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize(("name", "subset"), [("MNIST", None), ("KMNIST", None), ("EMNIST", "letters")])
def test_missing_files_that_cannot_be_downloaded_are_refused_in_one_line(
    name: str, subset: str | None, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(
        UserError, match=rf"{name}: its files are not in .*{name}.raw and could not be.*data\.root"
    ) as error:
        Vision(name=name, root=str(tmp_path), subset=subset).read()
    assert "\n" not in str(error.value)
    assert capfd.readouterr() == ("", "")


def test_mnist_has_its_published_counts_and_mean_and_no_python_call_per_image(mlplab_data: Path) -> None:
    calls = 0

    def count(_: FrameType, event: str, __: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    dataset = Vision(name="MNIST", root=str(mlplab_data), split="official", val_fraction=0.1)
    dataset.splits()  # the first time imports and opens what later calls need not
    sys.setprofile(count)
    try:
        splits = dataset.splits()
    finally:
        sys.setprofile(None)
    parts = (splits.train, splits.val, splits.test)
    assert [len(part) for part in parts] == [54_000, 6_000, 10_000]
    assert calls < 10_000
    assert all(part.features.dtype == torch.uint8 for part in parts)
    assert splits.class_names == tuple("0123456789")
    assert torch.bincount(splits.test.target).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    official = torch.cat([splits.train.features, splits.val.features])
    assert official.sum(dtype=torch.int64).item() / official.numel() / 255 == pytest.approx(0.1307, abs=5e-5)
    fractions = torch.bincount(splits.val.target) / torch.bincount(torch.cat([splits.train.target, splits.val.target]))
    assert (fractions - 0.1).abs().max() < 0.001


def test_fashion_mnist_has_class_names(mlplab_data: Path) -> None:
    splits = Vision(name="FashionMNIST", root=str(mlplab_data), split="official", val_fraction=0.1).splits()
    assert splits.class_names[:2] == ("T-shirt/top", "Trouser")
    assert splits.class_names[-1] == "Ankle boot"
    assert torch.bincount(splits.val.target).tolist() == [600] * 10
    assert torch.bincount(splits.test.target).tolist() == [1000] * 10
    assert splits.test.target[0] == 9


def lay(folder: Path, labels: int = 40) -> Path:
    raw = folder / "MNIST" / "raw"
    write(raw, "train", drawn(40, 0), np.arange(labels) % 10)
    write(raw, "t10k", drawn(20, 1), np.arange(20) % 10)
    return raw


def test_gzip_files_are_read(tmp_path: Path) -> None:
    raw = lay(tmp_path)
    plain = Vision(name="MNIST", root=str(tmp_path)).read()
    for path in list(raw.iterdir()):
        path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    packed = Vision(name="MNIST", root=str(tmp_path)).read()
    assert np.array_equal(plain.features, packed.features)
    assert plain.target.tolist() == packed.target.tolist() == [*(np.arange(40) % 10), *(np.arange(20) % 10)]


def test_fewer_labels_than_images_are_refused_by_file(tmp_path: Path) -> None:
    lay(tmp_path, labels=39)
    with pytest.raises(UserError, match=r"train-labels-idx1-ubyte: 39 labels for the 40 images of train-images"):
        Vision(name="MNIST", root=str(tmp_path)).read()


@pytest.mark.usefixtures("no_network")
def test_one_missing_file_is_refused_by_name_and_the_others_stay(tmp_path: Path) -> None:
    raw = lay(tmp_path)
    (raw / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(UserError, match="MNIST: t10k-labels-idx1-ubyte: not in"):
        Vision(name="MNIST", root=str(tmp_path)).read()
    assert len(list(raw.iterdir())) == 3


@pytest.mark.usefixtures("no_network")
def test_a_download_that_fails_leaves_no_empty_folders(tmp_path: Path) -> None:
    with pytest.raises(UserError):
        Vision(name="MNIST", root=str(tmp_path / "data")).read()
    assert list(tmp_path.iterdir()) == []
