"""Predictions as a file: in row order, whole or not at all."""

import csv
import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_diabetes, load_iris

import mlplab
import mlplab.command.predict as predict_command
from mlplab.command.predict import predict
from mlplab.errors import UserError


@pytest.fixture(scope="module")
def iris(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(tmp_path_factory, "data=iris", "trainer.max_epochs=30", "optimizer.lr=0.01")


def trained(tmp_path_factory: pytest.TempPathFactory, *overrides: str) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "run"
    mlplab.train(
        mlplab.configure(f"run_dir={folder}", "report.picture=false", "model.hidden_features=[16]", *overrides)
    )
    return folder


def options(run: Path, source: Path, output: Path, **settings: Any) -> dict[str, Any]:
    usual = {"overwrite": False, "separator": None, "gaps": "refuse", "invert": None, "allow": [], "debug": False}
    return {"run": str(run), "input": str(source), "output": str(output), **usual, **settings}


def lines(path: Path) -> list[list[str]]:
    with open(path, newline="") as file:
        return list(csv.reader(file))


def test_each_row_gets_its_class_and_the_probability_of_each(
    iris: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(predict_command, "BLOCK_SIZE", 40)  # 150 rows are four blocks
    np.save(tmp_path / "rows.npy", load_iris().data)
    header, *rows = lines(predict(options(iris, tmp_path / "rows.npy", tmp_path / "out.csv")))
    names = ["setosa", "versicolor", "virginica"]
    assert header == ["row", "class", *(f"probability of {name}" for name in names)]
    assert [row[0] for row in rows] == [str(number) for number in range(1, 151)]
    expected = mlplab.reopen(iris).predict(load_iris().data)
    assert np.array([row[2:] for row in rows], dtype=np.float32) == pytest.approx(expected, abs=1e-6)
    assert [row[1] for row in rows] == [names[place] for place in expected.argmax(axis=1)]
    right = [row[1] == names[label] for row, label in zip(rows, load_iris().target, strict=True)]
    assert np.mean(right) > 0.9


def test_predicted_values_have_the_name_of_the_target_and_its_unit(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> None:
    run = trained(tmp_path_factory, "data=diabetes", "trainer.max_epochs=2")
    np.savez(tmp_path / "rows.npz", features=load_diabetes(scaled=False).data[:5])
    header, *rows = lines(predict(options(run, tmp_path / "rows.npz", tmp_path / "out.csv")))
    assert header == ["row", "progression"]
    assert all(20 < float(value) < 360 for _, value in rows)


def test_a_run_without_its_folder_predicts_by_its_checkpoint(iris: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "rows.npy", load_iris().data[:3])
    first = predict(options(iris, tmp_path / "rows.npy", tmp_path / "a.csv"))
    second = predict(options(iris / "checkpoints/best.ckpt", tmp_path / "rows.npy", tmp_path / "b.csv"))
    assert first.read_text() == second.read_text()


def test_a_file_is_overwritten_only_with_overwrite_and_the_input_never(iris: Path, tmp_path: Path) -> None:
    source, output = tmp_path / "rows.npy", tmp_path / "out.csv"
    np.save(source, load_iris().data[:3])
    output.write_text("mine")
    with pytest.raises(UserError, match="exists already; overwrite=true replaces it"):
        predict(options(iris, source, output))
    assert output.read_text() == "mine"
    predict(options(iris, source, output, overwrite=True))
    assert len(lines(output)) == 4
    with pytest.raises(UserError, match="it is the input"):
        predict(options(iris, output, output, overwrite=True))


def test_a_failed_prediction_leaves_no_file(iris: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, output = tmp_path / "rows.npy", tmp_path / "out.csv"
    np.save(source, load_iris().data)
    output.write_text("old")
    monkeypatch.setattr(predict_command, "BLOCK_SIZE", 40)
    cells = predict_command._cells

    def until_the_third(model: Any, rows: Any, features: Any) -> Any:
        if rows[0] == "81":
            raise OSError(28, "No space left on device")
        return cells(model, rows, features)

    monkeypatch.setattr(predict_command, "_cells", until_the_third)
    with pytest.raises(UserError, match=r"output=.*out.csv: cannot be written \(No space left on device\)"):
        predict(options(iris, source, output, overwrite=True))
    assert output.read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.csv", "rows.npy"]


def test_other_files_of_the_folder_and_links_are_left_as_they_are(iris: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "rows.npy", load_iris().data[:3])
    (tmp_path / "out.csv.tmp").write_text("mine")
    (tmp_path / "link.csv").symlink_to(tmp_path / "out.csv")
    predict(options(iris, tmp_path / "rows.npy", tmp_path / "link.csv"))
    assert (tmp_path / "out.csv.tmp").read_text() == "mine"
    assert (tmp_path / "link.csv").is_symlink()
    assert len(lines(tmp_path / "out.csv")) == 4


def test_a_cell_that_float32_cannot_hold_is_no_prediction(iris: Path, tmp_path: Path) -> None:
    names = mlplab.reopen(iris).feature_names
    (tmp_path / "rows.csv").write_text("\n".join([",".join(names), "1,2,3,4", "1,2,1e300,4"]) + "\n")
    with pytest.raises(UserError, match=r"rows.csv: column petal length.*, row 3: 1e\+300 where a finite"):
        predict(options(iris, tmp_path / "rows.csv", tmp_path / "out.csv"))
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.parametrize("suffix", ["csv", "tsv", "txt"])
def test_a_table_packed_by_gzip_is_predicted_as_the_plain_one(iris: Path, tmp_path: Path, suffix: str) -> None:
    sign = "\t" if suffix == "tsv" else ","
    header = sign.join(mlplab.reopen(iris).feature_names)
    plain, packed = tmp_path / f"rows.{suffix}", tmp_path / f"rows.{suffix}.gz"
    plain.write_text("\n".join([header, *(sign.join(map(str, row)) for row in load_iris().data[:5])]) + "\n")
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    first = predict(options(iris, plain, tmp_path / "a.csv", separator=sign))
    second = predict(options(iris, packed, tmp_path / "b.csv", separator=sign))
    assert first.read_text() == second.read_text()
    assert len(lines(first)) == 6


@pytest.mark.parametrize(
    ("settings", "printed"),
    [
        ({"input": "nothing.csv"}, "input=nothing.csv: no such file or folder"),
        ({"gaps": "guess"}, "gaps=guess: must be one of refuse, fill"),
        ({"invert": "perhaps"}, "invert=perhaps: must be one of auto, true, false"),
        ({"output": "out.csv.gz"}, "a CSV file is written as it is, not packed; leave out .gz"),
        ({"output": "nowhere/out.csv"}, "there is no folder nowhere"),
        ({"output": "/dev/null", "overwrite": True}, "is a device or the like; name a file"),
        ({"output": "."}, "is a folder; name a file in it"),
        ({"run": "nowhere"}, "run=nowhere: no such folder"),
        ({"run": "nowhere.ckpt"}, "nowhere.ckpt: no such file"),
    ],
)
def test_what_cannot_be_is_one_line(
    iris: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any], printed: str
) -> None:
    monkeypatch.chdir(tmp_path)
    np.save("rows.npy", load_iris().data[:3])
    with pytest.raises(UserError, match=printed) as error:
        predict({**options(iris, Path("rows.npy"), Path("out.csv")), **settings})
    assert "\n" not in str(error.value)
    assert [path.name for path in tmp_path.iterdir()] == ["rows.npy"]


def test_a_file_of_another_kind_and_an_empty_one_are_refused(iris: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.md").write_text("words")
    with pytest.raises(
        UserError, match=r"a CSV file \(.*\), an NPY or NPZ file, an image or a folder of images is needed"
    ):
        predict(options(iris, tmp_path / "notes.md", tmp_path / "out.csv"))
    (tmp_path / "empty.csv").write_text("")
    with pytest.raises(UserError, match="is an empty file"):
        predict(options(iris, tmp_path / "empty.csv", tmp_path / "out.csv"))


def test_images_drawn_dark_on_light_are_recognised(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> None:
    """scikit-learn's digits, with shades to 16, as PNG files of black ink on white."""
    from mlplab.run.build import build_splits

    run = trained(tmp_path_factory, "data=digits", "trainer.max_epochs=20")
    test = build_splits(mlplab.configure("data=digits")).test
    for number, image in enumerate(test.features[:100].numpy()):
        ink = Image.fromarray((255 - image.reshape(8, 8) / 16 * 255).astype(np.uint8))
        ink.save(tmp_path / f"{number:03}.png")
    (tmp_path / "out").mkdir()
    header, *rows = lines(predict(options(run, tmp_path, tmp_path / "out" / "out.csv")))
    assert header[:2] == ["file", "class"]
    shown = np.array([int(row[1]) for row in rows])
    assert (shown == test.target[:100].numpy()).mean() > 0.9


@pytest.mark.slow
def test_mnist_digits_are_recognised_from_png(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, mlplab_data: Path
) -> None:
    from torchvision.datasets import MNIST

    run = trained(tmp_path_factory, "data=mnist", f"data.root={mlplab_data}", "trainer.max_epochs=1")
    test = MNIST(str(mlplab_data), train=False)
    for number in range(200):
        ink = Image.fromarray(255 - test.data[number].numpy()).resize((200, 200), Image.Resampling.BICUBIC)
        (ink.convert("RGB") if number % 2 else ink).save(tmp_path / f"{number:03}.{'jpg' if number % 3 else 'png'}")
    (tmp_path / "out").mkdir()
    _, *rows = lines(predict(options(run, tmp_path, tmp_path / "out" / "out.csv")))
    assert (np.array([int(row[1]) for row in rows]) == test.targets[:200].numpy()).mean() > 0.85
