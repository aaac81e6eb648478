"""Sign Language MNIST: copies of one photo form a group, and a group stays on one side."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from mlplab.data.sign_mnist import SignMNIST, group_near_duplicates
from mlplab.data.splits import Split
from mlplab.errors import UserError


def lit(*places: int) -> np.ndarray:
    """A dark image with some pixels fully lit: two of them lie sqrt(number of pixels that differ) apart."""
    image = np.zeros(784, dtype=np.uint8)
    image[list(places)] = 255
    return image


def groups_of(mlplab_data: Path) -> tuple[np.ndarray, dict[bytes, int], np.ndarray]:
    """The published group of each row, of each image, and each row's label."""
    listed = pd.read_csv(mlplab_data / "SignMNIST" / "rows.csv")
    tables = [pd.read_csv(mlplab_data / "SignMNIST" / f"sign_mnist_{name}.csv") for name in ("train", "test")]
    values = np.concatenate([table.to_numpy() for table in tables])
    listed = pd.concat([listed[listed.file == name].sort_values("row") for name in ("train", "test")])
    groups = listed.photo_group.to_numpy()
    images = {row.tobytes(): group for row, group in zip(values[:, 1:].astype(np.uint8), groups.tolist(), strict=True)}
    return groups, images, values[:, 0]


def found_in(part: Split, images: dict[bytes, int]) -> set[int]:
    return {images[row.tobytes()] for row in part.features.numpy()}


def test_images_linked_by_small_steps_are_copies_and_others_not() -> None:
    dark, eight, far = lit(), lit(*range(8)), lit(*range(100, 120))
    linked = lit(*range(16))  # sqrt(8) = 2.83 from `eight`, 4 from `dark`
    ten = lit(*range(300, 310))  # sqrt(10) = 3.16 from `dark`
    groups = group_near_duplicates(np.stack([dark, far, eight, ten, linked]), np.zeros(5, dtype=int), distance=3.0)
    assert groups[0] == groups[2] == groups[4]
    assert len({groups[0], groups[1], groups[3]}) == 3


def test_equal_images_of_two_letters_are_two_groups() -> None:
    groups = group_near_duplicates(np.stack([lit(1)] * 4), np.array([0, 1, 0, 1]), distance=3.0)
    assert groups[0] == groups[2]
    assert groups[1] == groups[3]
    assert groups[0] != groups[1]


def test_near_copies_find_the_published_photo_groups_of_each_letter(mlplab_data: Path) -> None:
    published, _, labels = groups_of(mlplab_data)
    found = SignMNIST(root=str(mlplab_data)).read().groups
    assert found is not None
    ours = set(zip(labels.tolist(), found.tolist(), strict=True))
    theirs = set(zip(labels.tolist(), published.tolist(), strict=True))
    both = set(zip(labels.tolist(), found.tolist(), published.tolist(), strict=True))
    assert len(both) == len(ours) == len(theirs)
    assert len(set(found.tolist())) == len(ours)


def test_the_official_split_keeps_its_test_rows_and_validates_on_other_photos(mlplab_data: Path) -> None:
    _, images, _ = groups_of(mlplab_data)
    splits = SignMNIST(root=str(mlplab_data), split="official").splits()
    assert len(splits.train) + len(splits.val) == 5464
    assert len(splits.test) == 1708
    assert len(splits.val) == pytest.approx(0.2 * 5464, rel=0.1)
    sides = [found_in(part, images) for part in (splits.train, splits.val, splits.test)]
    assert sum(map(len, sides)) == len(set.union(*sides)) == 323


def test_the_group_split_has_no_photo_in_two_splits_but_the_random_one_has(mlplab_data: Path) -> None:
    _, images, _ = groups_of(mlplab_data)
    total = {}
    for split in ("group", "random"):
        splits = SignMNIST(root=str(mlplab_data), split=split).splits()  # type: ignore[arg-type]
        total[split] = sum(len(found_in(part, images)) for part in (splits.train, splits.val, splits.test))
    assert total["group"] == 323
    assert total["random"] > 600


def test_letters_have_their_names_without_j_and_z_and_pixels_stay_bytes(mlplab_data: Path) -> None:
    splits = SignMNIST(root=str(mlplab_data), split="official").splits()
    assert "".join(splits.class_names) == "ABCDEFGHIKLMNOPQRSTUVWXY"
    assert splits.info.image_size == (28, 28)
    assert (splits.info.feature_names[0], splits.info.feature_names[-1]) == ("pixel1", "pixel784")
    assert splits.train.features.dtype == torch.uint8
    raw = pd.read_csv(mlplab_data / "SignMNIST" / "sign_mnist_test.csv")
    assert np.array_equal(splits.test.features.numpy(), raw.to_numpy()[:, 1:])
    names = [splits.class_names[label] for label in splits.test.target.tolist()]
    assert names == [chr(ord("A") + label) for label in raw.label]


def test_missing_files_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no file .*sign_mnist_train\.csv.*data\.root"):
        SignMNIST(root=str(tmp_path)).read()


def test_a_file_of_other_columns_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "SignMNIST").mkdir()
    (tmp_path / "SignMNIST" / "sign_mnist_train.csv").write_text("label,pixel1\n0,5\n")
    with pytest.raises(UserError, match=r"sign_mnist_train\.csv: columns label, pixel1.*found 2 columns"):
        SignMNIST(root=str(tmp_path)).read()


def test_a_cell_that_is_not_a_whole_number_is_refused_by_column_and_row(tmp_path: Path) -> None:
    (tmp_path / "SignMNIST").mkdir()
    header = ",".join(["label", *(f"pixel{number}" for number in range(1, 785))])
    rows = ["1," + ",".join(["3"] * 784), "1," + ",".join(["x", *["3"] * 783])]
    (tmp_path / "SignMNIST" / "sign_mnist_train.csv").write_text("\n".join([header, *rows]))
    with pytest.raises(UserError, match=r"sign_mnist_train\.csv: column pixel1, row 3: x is not a whole number"):
        SignMNIST(root=str(tmp_path)).read()
