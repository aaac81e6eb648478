"""New rows and images take the form of the training rows, or are refused with file, row and column."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from mlplab.data.inference import border_pixels, encode_array, encode_table, from_array, from_csv, from_images
from mlplab.data.preprocessing import CategoricalColumn, NumericColumn
from mlplab.data.splits import DataInfo, Task
from mlplab.errors import UserError

TABLE = DataInfo(
    Task.REGRESSION,
    ("size", "colour=blue", "colour=red"),
    target_names=("price",),
    columns=(NumericColumn("size", 5.0), CategoricalColumn("colour", ("blue", "red"))),
)
ARRAY = DataInfo(Task.REGRESSION, ("a", "b", "c"), target_names=("price",))
IMAGES = DataInfo(Task.REGRESSION, tuple("abcd"), target_names=("price",), image_size=(2, 2), image_white=255.0)


def csv_of(folder: Path, *lines: str) -> str:
    (folder / "new.csv").write_text("\n".join(lines) + "\n")
    return str(folder / "new.csv")


def test_columns_in_any_order_become_features_and_others_are_noted(tmp_path: Path) -> None:
    path = csv_of(tmp_path, "price,colour,size,note", "9,red,2,x", "", "9,blue,3,y")
    new = from_csv(path, TABLE, ",", "refuse")
    assert new.features.tolist() == [[2, 0, 1], [3, 1, 0]]
    assert (new.kind, new.rows) == ("line", ["2", "4"])
    assert new.notes == ["columns that were not used: note"]


def test_a_category_that_looks_like_a_number_is_still_text(tmp_path: Path) -> None:
    info = replace(TABLE, columns=(CategoricalColumn("code", ("1", "x")),), feature_names=("code=1", "code=x"))
    assert from_csv(csv_of(tmp_path, "code", "1", "1"), info, ",", "refuse").features.tolist() == [[1, 0], [1, 0]]


def test_a_category_unknown_to_training_is_noted(tmp_path: Path) -> None:
    new = from_csv(csv_of(tmp_path, "size,colour", "1,green"), TABLE, ",", "refuse")
    assert new.features.tolist() == [[1, 0, 0]]
    assert new.notes == ["column colour: no training row has green; taken as none of them"]


def test_missing_values_are_refused_unless_they_are_to_be_imputed(tmp_path: Path) -> None:
    path = csv_of(tmp_path, "size,colour", "1,red", ",red")
    with pytest.raises(UserError, match=r"new.csv: column size, row 3: empty or NaN; gaps=fill"):
        from_csv(path, TABLE, ",", "refuse")
    new = from_csv(path, TABLE, ",", "fill")
    assert new.features[1].tolist() == [5, 0, 1]
    assert new.notes == ["1 missing values were imputed from the training rows"]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["size", "1"], "column colour is missing; columns: size; needed: size, colour"),
        (["size,colour", "1,red", "big,red"], "column size, row 3: big where the training rows have finite numbers"),
        (["size,colour", "inf,red"], "column size, row 2: inf"),
        (["size,colour", "1,red", "1e300,red"], r"column size, row 3: 1e\+300 where a finite number is needed"),
        (["size,colour", "nan,red"], "column size, row 2: empty or NaN"),
        (["size,colour", "1,red", "2"], "line 3 has 1 field, the header 2"),
        (["size,colour", "1,red", "2,red,3,4"], "line 3 has 4 fields, the header 2"),
        (["size,colour", "1,red,3,4"], "line 2 has 4 fields, the header 2"),
        (["size,colour"], "no rows"),
    ],
)
def test_an_invalid_table_is_refused_with_file_row_and_column(tmp_path: Path, lines: list[str], message: str) -> None:
    with pytest.raises(UserError, match=rf"new.csv: .*{message}") as error:
        from_csv(csv_of(tmp_path, *lines), TABLE, ",", "refuse")
    assert "\n" not in str(error.value)


def test_a_table_for_a_run_on_arrays_is_read_by_feature_names() -> None:
    table = pd.DataFrame({"c": [3], "a": [1], "b": [2]})
    assert encode_table(table, ARRAY)[0].tolist() == [[1, 2, 3]]
    with pytest.raises(UserError, match="column b, row 0: empty or NaN"):
        encode_table(table.assign(b=np.nan), ARRAY, "fill")


def test_arrays_have_a_row_a_line_and_images_may_keep_their_size(tmp_path: Path) -> None:
    assert encode_array(np.ones((2, 3)), ARRAY).shape == (2, 3)
    assert encode_array(np.ones((5, 2, 2), dtype=np.uint8), IMAGES).shape == (5, 4)
    np.savez(tmp_path / "one.npz", anything=np.ones((2, 3)))
    np.savez(tmp_path / "two.npz", other=np.zeros(1), features=np.ones((2, 3)))
    for name in ("one", "two"):
        new = from_array(str(tmp_path / f"{name}.npz"), ARRAY)
        assert (new.features.sum(), new.kind, new.rows) == (6, "row", ["1", "2"])


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.ones((2, 4)), r"shape \(2, 4\); \(rows, 3\) is needed"),
        (np.ones(3), r"shape \(3,\)"),
        (np.ones((0, 3)), r"shape \(0, 3\)"),
        (np.array([["a", "b", "c"]]), "numbers are needed"),
        (np.array([[1, 2, 3], [1, np.nan, 3]]), r"column 2 \(b\), row 2: nan"),
        (np.array([[1, np.inf, 3]]), r"column 2 \(b\), row 1: inf"),
        (np.array([[1, 2, 3], [1, 2, 1e39]]), r"column 3 \(c\), row 2: 1e\+39 where a finite number is needed"),
    ],
)
def test_an_invalid_array_is_refused_with_row_and_column(tmp_path: Path, array: np.ndarray, message: str) -> None:
    np.save(tmp_path / "new.npy", array)
    with pytest.raises(UserError, match=rf"new.npy: .*{message}"):
        from_array(str(tmp_path / "new.npy"), ARRAY)


def test_a_number_too_large_for_float32_is_accepted_in_float64() -> None:
    double = replace(ARRAY, dtype=torch.float64)
    assert encode_array(np.full((1, 3), 1e39), double).max() == 1e39
    assert encode_table(pd.DataFrame({"a": [1e39], "b": [1], "c": [2]}), double)[0].max() == 1e39


def test_a_table_without_rows_is_refused() -> None:
    with pytest.raises(UserError, match="a table without rows"):
        encode_table(pd.DataFrame({"a": [], "b": [], "c": []}), ARRAY)


def test_files_without_arrays_are_refused_in_one_line(tmp_path: Path) -> None:
    whole = tmp_path / "whole.npz"
    np.savez(whole, features=np.ones((200, 3)))
    for number, data in enumerate((b"", b"junk", whole.read_bytes()[:700])):
        path = tmp_path / f"broken{number}.npz"
        path.write_bytes(data)
        with pytest.raises(UserError, match=rf"broken{number}.npz: cannot be read as arrays") as error:
            from_array(str(path), ARRAY)
        assert "\n" not in str(error.value)
    np.save(tmp_path / "code.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(UserError, match="allow_pickle=False"):
        from_array(str(tmp_path / "code.npy"), ARRAY)
    np.savez(tmp_path / "many.npz", a=np.ones(2), b=np.ones(2))
    with pytest.raises(UserError, match="no array called features; it holds a, b"):
        from_array(str(tmp_path / "many.npz"), ARRAY)


def test_pixels_that_were_divided_by_255_are_noted(tmp_path: Path) -> None:
    np.save(tmp_path / "faint.npy", np.full((2, 4), 0.5))
    assert (
        "at most 1, where the training images go up to 255" in from_array(str(tmp_path / "faint.npy"), IMAGES).notes[0]
    )


PIXELS = DataInfo(
    Task.CLASSIFICATION,
    tuple(f"pixel{number}" for number in range(64)),
    ("a", "b"),
    image_size=(8, 8),
    image_white=255.0,
    image_border=(0.0, 0.05),
)
SQUARE = np.zeros((8, 8), dtype=np.uint8)
SQUARE[3:5, 3:5] = 255


def test_the_border_is_the_outermost_ring_of_pixels() -> None:
    assert border_pixels([3, 4]).reshape(3, 4).tolist() == [[True] * 4, [True, False, False, True], [True] * 4]
    assert border_pixels([3, 3, 3]).sum() == 8 * 3


@pytest.mark.parametrize("form", ["plain", "large", "colour", "jpeg", "negative", "transparent", "palette", "bits16"])
def test_a_square_is_the_same_in_files_of_any_kind(tmp_path: Path, form: str) -> None:
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
        "transparent": Image.merge("LA", (black, large)),  # black on a transparent background
        "palette": large.convert("P"),
        "bits16": Image.fromarray(SQUARE.astype(np.uint16) * 257),
    }[form].save(path)
    new = from_images(str(path), PIXELS)
    assert new.rows == [path.name]
    difference = np.abs(new.features[0].reshape(8, 8).astype(int) - SQUARE).max()
    assert difference <= (0 if form in ("plain", "negative", "bits16") else 70)  # resizing blurs an edge
    assert ("1 of 1 images were inverted (invert=auto)" in new.notes) == (form in ("negative", "transparent"))


def test_inversion_can_be_set_explicitly(tmp_path: Path) -> None:
    Image.fromarray(255 - SQUARE).save(tmp_path / "a.png")
    original, inverted = (from_images(str(tmp_path / "a.png"), PIXELS, invert).features[0] for invert in (False, True))
    assert original.tolist() == (255 - SQUARE).reshape(-1).tolist()
    assert inverted.tolist() == SQUARE.reshape(-1).tolist()


def test_images_like_the_training_images_are_never_inverted(tmp_path: Path) -> None:
    for brightness in (0, 100, 200, 255):
        Image.new("L", (8, 8), brightness).save(tmp_path / f"{brightness}.png")
    photos = replace(PIXELS, image_border=(0.0, 1.0))
    assert from_images(str(tmp_path), photos).notes == []


def test_a_folder_is_read_in_the_order_of_names_and_other_files_are_noted(tmp_path: Path) -> None:
    for name in ("b.png", "a.PNG", "c.jpg"):
        Image.fromarray(SQUARE).save(tmp_path / name)
    (tmp_path / "notes.txt").write_text("mine")
    new = from_images(str(tmp_path), PIXELS)
    assert list(new.rows) == ["a.PNG", "b.png", "c.jpg"]
    assert new.notes == ["1 files that are no images were not used"]


def test_pixels_are_scaled_as_the_training_images_are(tmp_path: Path) -> None:
    Image.fromarray(SQUARE).save(tmp_path / "a.png")
    assert from_images(str(tmp_path / "a.png"), replace(PIXELS, image_white=16.0)).features.max() == 16
    colour = replace(PIXELS, image_size=(8, 8, 3), feature_names=("",) * 192)
    assert from_images(str(tmp_path / "a.png"), colour).features.shape == (1, 192)


def test_an_unusable_image_or_run_is_refused_in_one_line(tmp_path: Path) -> None:
    image = tmp_path / "a.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64), dtype=np.uint8)).save(image)
    cut = tmp_path / "cut" / "cut.png"
    cut.parent.mkdir()
    cut.write_bytes(image.read_bytes()[:1000])
    with pytest.raises(UserError, match=r"cut.png: not an image that can be read"):
        from_images(str(cut.parent), PIXELS)
    with pytest.raises(UserError, match="trained on 64 columns, not on images"):
        from_images(str(image), replace(PIXELS, image_size=None))
    with pytest.raises(UserError, match="of an older mlplab"):
        from_images(str(image), replace(PIXELS, image_white=None, image_border=None))
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="no image in this folder"):
        from_images(str(tmp_path / "empty"), PIXELS)
