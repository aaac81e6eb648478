"""Evaluate prints the scores of training, and writes tables and figures beside the run."""

import csv
import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from omegaconf import OmegaConf

import mlplab
from mlplab.command.evaluate import _folder_name, check_output_folder, evaluate, write_output_folder
from mlplab.config.groups import FORMAT
from mlplab.errors import UserError
from mlplab.run.predictor import reopen

Train = Callable[..., tuple[Path, dict[str, Any]]]
SHORT = ("trainer.max_epochs=2", "model.hidden_features=[16]")


def options(run: Path, data: dict[str, Any] | None = None, **settings: Any) -> dict[str, Any]:
    usual = {"split": None, "all_rows": False, "accelerator": None, "output": None, "overwrite": False, "allow": []}
    return {"run": str(run), "data": {"root": None, "path": None} | (data or {}), **usual, **settings}


def report(folder: Path) -> str:
    return (folder / "report.txt").read_text()


def test_the_numbers_of_training_are_printed_to_the_last_digit(
    train: Train, capsys: pytest.CaptureFixture[str]
) -> None:
    run, scores = train("data=iris", *SHORT)
    capsys.readouterr()
    assert evaluate(options(run)) == {name: scores[name] for name in scores if name.endswith("/test")}
    printed = capsys.readouterr().out
    assert f"{scores['loss/test']!r}      the same" in printed
    assert printed.count("the same") == 5
    assert "the test split, 30 rows" in printed
    written = run / "evaluation" / "test"
    names = ["classes.csv", "confusion.csv", "confusion.png", "report.txt", "scores.csv"]
    assert sorted(path.name for path in written.iterdir()) == names
    assert printed.startswith((written / "report.txt").read_text())
    with open(written / "scores.csv") as file:
        assert dict(list(csv.reader(file))[1:]) == {
            name.removesuffix("/test"): repr(scores[name]) for name in scores if name.endswith("/test")
        }
    with open(written / "confusion.csv") as file:
        counts = np.array([row[1:] for row in list(csv.reader(file))[1:]], dtype=int)
    assert counts.sum() == 30
    assert np.trace(counts) / 30 == pytest.approx(scores["accuracy/test"])


def test_a_run_on_a_fold_is_measured_again_on_the_rows_of_its_own_fold(train: Train) -> None:
    found = []
    for fold in range(2):
        run, scores = train("data=iris", "data.folds=2", f"data.fold={fold}", *SHORT)
        for split in ("val", "test"):
            again = evaluate(options(run, split=split))
            assert again == {name: scores[name] for name in scores if name.endswith(f"/{split}") and name in again}
        predicted = reopen(run).predict_class(np.array([[5.1, 3.5, 1.4, 0.2]]))
        assert predicted[0] in ("setosa", "versicolor", "virginica")
        found.append(scores["loss/val"])
    assert found[0] != found[1]


def test_a_different_score_is_printed_beside_that_of_training(train: Train, capsys: pytest.CaptureFixture[str]) -> None:
    run, scores = train("data=iris", *SHORT)
    text = (run / "scores.json").read_text()
    (run / "scores.json").write_text(text.replace(repr(scores["loss/val"]), "0.125"))
    evaluate(options(run, split="val"))
    assert f"{scores['loss/val']!r}         0.125" in capsys.readouterr().out


def test_a_regression_has_parity_and_residual_plots(train: Train, tmp_path: Path) -> None:
    run, scores = train("data=diabetes", *SHORT)
    output = tmp_path / "mine"
    evaluate(options(run, split="val", output=str(output)))
    assert sorted(path.name for path in output.iterdir()) == [
        *("parity.png", "predictions.csv", "report.txt", "scores.csv")
    ]
    with open(output / "predictions.csv") as file:
        _, *rows = csv.reader(file)
    residuals = np.array([row[3] for row in rows], dtype=float)
    assert np.abs(residuals).mean() == pytest.approx(scores["mae/val"], rel=1e-5)
    assert not (run / "evaluation").exists()


def test_each_slice_has_a_folder_of_its_own_and_is_named(train: Train, capsys: pytest.CaptureFixture[str]) -> None:
    run, _ = train("data=iris", *SHORT)
    evaluate(options(run, split="train"))
    evaluate(options(run, split="train", all_rows=True))
    printed = capsys.readouterr().out
    assert "30 of 90 training rows, the measured slice" in printed
    assert "all training rows, 90 rows" in printed
    assert sorted(path.name for path in (run / "evaluation").iterdir()) == ["train", "train_all_rows"]


def test_a_folder_of_the_users_own_is_left_as_it_was(train: Train, tmp_path: Path) -> None:
    run, _ = train("data=iris", *SHORT)
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "thesis.txt").write_text("mine")
    with pytest.raises(UserError, match=r"holds thesis.txt"):
        evaluate(options(run, output=str(tmp_path / "thesis")))
    assert [path.name for path in (tmp_path / "thesis").iterdir()] == ["thesis.txt"]


def test_an_output_that_was_named_is_replaced_only_when_asked(train: Train, tmp_path: Path) -> None:
    run, _ = train("data=iris", *SHORT)
    output = tmp_path / "mine"
    evaluate(options(run, output=str(output)))
    with pytest.raises(UserError, match="holds an evaluation already; overwrite=true replaces it"):
        evaluate(options(run, output=str(output), split="val"))
    assert "the test split" in (output / "report.txt").read_text()
    evaluate(options(run, output=str(output), split="val", overwrite=True))
    assert "the validation split" in (output / "report.txt").read_text()


def test_evaluations_that_differ_never_share_a_folder() -> None:
    usual = options(Path("run"))
    data = [None, {"path": "a/t.csv"}, {"path": "b/t.csv"}, {"root": "a"}, {"root": "b"}]
    names = [
        _folder_name({**options(Path("run"), where), **given}, given["split"] or "test")
        for where in data
        for given in ({"split": None}, {"split": "train"}, {"split": "train", "all_rows": True})
        for given in (given, {**given, "accelerator": "cpu"})
    ]
    assert len(set(names)) == len(names) == 30
    assert _folder_name(usual, "test") == "test"
    same = [_folder_name(options(Path("run"), {"path": path}), "test") for path in ("a/t.csv", "a/../a/t.csv")]
    assert same[0] == same[1]


@pytest.mark.parametrize("text", ["{", "[1]"])
def test_scores_that_cannot_be_read_are_one_line(train: Train, text: str) -> None:
    run, _ = train("data=iris", *SHORT)
    (run / "scores.json").write_text(text)
    with pytest.raises(UserError, match=r"scores.json: .*without it nothing is compared"):
        evaluate(options(run))
    assert not (run / "evaluation").exists()


def test_a_file_replaces_that_of_training_where_a_split_is_given(train: Train, tmp_path: Path) -> None:
    rows = [f"{x},{'red' if x % 3 else 'blue'},{x * 2}" for x in range(60)]
    for name in ("t", "moved"):
        (tmp_path / f"{name}.csv").write_text("\n".join(["size,colour,price", *rows]) + "\n")
    table = ("data=csv", f"data.path={tmp_path / 't.csv'}", "data.target=price", "data.task=regression")
    run, scores = train(*table, *SHORT)
    moved = {"path": str(tmp_path / "moved.csv")}
    assert evaluate(options(run, moved, split="test"))["mae/test"] == scores["mae/test"]
    (tmp_path / "moved.CSV.gz").write_bytes(gzip.compress((tmp_path / "moved.csv").read_bytes()))
    packed = {"path": str(tmp_path / "moved.CSV.gz")}
    assert evaluate(options(run, packed, split="test"))["mae/test"] == scores["mae/test"]
    assert evaluate(options(run, packed)) == evaluate(options(run, moved))
    (folder,) = (place for place in (run / "evaluation").glob("file_moved_*") if "moved.csv" in report(place))
    assert report(folder).count("60 rows") == 1
    (tmp_path / "moved.csv").write_text("\n".join(["size,colour,price", *rows[5:]]) + "\n")
    with pytest.raises(UserError, match=r"a CSV of other rows is measured by data.path= without split="):
        evaluate(options(run, moved, split="test"))


@pytest.mark.parametrize(
    ("settings", "printed"),
    [
        ({"split": "valid"}, "split=valid: must be one of train, val, test"),
        ({"split": ["val"]}, r"split=\[val\]: must be one of train, val, test"),
        ({"split": "val", "all_rows": True}, "all_rows=true: val is measured on all of its rows"),
        ({"accelerator": "tpu"}, "accelerator=tpu: must be one of"),
        ({"data": {"root": "x", "path": None}}, "data.root=x: data=iris is not read from a folder"),
        ({"data": {"root": None, "path": "x.csv"}}, "data.path=x.csv: no such file"),
        ({"data": {"root": None, "path": __file__}}, r"a CSV file \(.csv, .*\) or an NPZ file is needed"),
        ({"output": __file__}, "is a file; name a folder"),
    ],
)
def test_what_cannot_be_is_one_line(tmp_path: Path, settings: dict[str, Any], printed: str) -> None:
    """Reported from config.yaml alone, before a checkpoint is opened."""
    config: Any = OmegaConf.to_container(mlplab.configure("data=iris"))
    (tmp_path / "config.yaml").write_text(yaml.safe_dump({"format": FORMAT, **config}))
    with pytest.raises(UserError, match=printed):
        evaluate({**options(tmp_path), **settings})
    assert [path.name for path in tmp_path.iterdir()] == ["config.yaml"]


def test_a_folder_is_replaced_as_a_whole(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "test"
    write_output_folder(folder, {"report.txt": "one", "parity.png": lambda path: path.write_bytes(b"x")})
    write_output_folder(folder, {"report.txt": "two", "scores.csv": [["score", "value"], ["loss", 0.5]]})
    assert sorted(path.name for path in folder.iterdir()) == ["report.txt", "scores.csv"]
    assert (folder / "scores.csv").read_text() == "score,value\nloss,0.5\n"
    assert list(folder.parent.iterdir()) == [folder]


def test_a_failed_evaluation_leaves_the_folder_unchanged(tmp_path: Path) -> None:
    folder = tmp_path / "test"
    write_output_folder(folder, {"report.txt": "one"})

    def broken(path: Path) -> None:
        raise ValueError("no ink")

    with pytest.raises(ValueError, match="no ink"):
        write_output_folder(folder, {"report.txt": "two", "parity.png": broken})
    assert (folder / "report.txt").read_text() == "one"
    assert list(tmp_path.iterdir()) == [folder]


VALUES = ("report.txt", "scores.csv", "predictions.csv", "parity.png")


def holding(folder: Path, *names: str) -> Path:
    folder.mkdir()
    for name in names:
        (folder / name).write_text("x")
    return folder


def test_a_new_folder_is_written_and_that_of_an_evaluation_only_with_overwrite(tmp_path: Path) -> None:
    check_output_folder(tmp_path / "new", overwrite=False)
    check_output_folder(holding(tmp_path / "empty"), overwrite=False)
    done = holding(tmp_path / "done", *VALUES)
    check_output_folder(done, overwrite=True)
    with pytest.raises(UserError, match="holds an evaluation already; overwrite=true replaces it"):
        check_output_folder(done, overwrite=False)


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        (["predictions.csv"], "predictions.csv"),
        (["report.txt", "scores.csv"], "report.txt"),
        ([*VALUES, "thesis.txt"], "thesis.txt"),
        ([*VALUES, "confusion.png"], "confusion.png"),
    ],
)
@pytest.mark.parametrize("overwrite", [True, False])
def test_a_folder_with_something_else_in_it_is_refused(
    tmp_path: Path, names: list[str], shown: str, overwrite: bool
) -> None:
    with pytest.raises(UserError, match=rf"holds {shown}, and is no folder of one evaluation alone"):
        check_output_folder(holding(tmp_path / "mine", *names), overwrite)


def test_a_file_and_the_current_folder_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(UserError, match="is a file"):
        check_output_folder(tmp_path / "thesis.txt", overwrite=True)
    monkeypatch.chdir(holding(tmp_path / "here"))
    for name in (".", "..", str(tmp_path / "here")):
        with pytest.raises(UserError, match="is the current folder, or holds it"):
            check_output_folder(Path(name), overwrite=True)


def test_a_link_stays_one_and_its_folder_is_written(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(holding(tmp_path / "there"))
    write_output_folder(tmp_path / "link", {"report.txt": "one"})
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "there" / "report.txt").read_text() == "one"


def test_an_error_of_the_disk_is_one_line_with_the_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(UserError, match=rf"{tmp_path}/file/new: cannot be written \("):
        write_output_folder(tmp_path / "file" / "new", {"report.txt": "one"})
