"""A folder of results is written as a whole, and never over something else."""

from pathlib import Path

import pytest

from mlplab.command.evaluate import check_output_folder, write_output_folder
from mlplab.errors import UserError


def test_a_folder_is_replaced_as_a_whole(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "test"
    write_output_folder(folder, {"report.txt": "one", "parity.png": lambda path: path.write_bytes(b"x")})
    write_output_folder(folder, {"report.txt": "two", "scores.csv": [["score", "value"], ["loss", 0.5]]})
    assert sorted(path.name for path in folder.iterdir()) == ["report.txt", "scores.csv"]
    assert (folder / "scores.csv").read_text() == "score,value\nloss,0.5\n"
    assert list(folder.parent.iterdir()) == [folder]


def test_what_fails_leaves_the_folder_as_it_was(tmp_path: Path) -> None:
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


def test_a_new_folder_is_free_and_one_of_an_evaluation_when_asked(tmp_path: Path) -> None:
    check_output_folder(tmp_path / "new", overwrite=False)
    check_output_folder(holding(tmp_path / "empty"), overwrite=False)
    done = holding(tmp_path / "done", *VALUES)
    check_output_folder(done, overwrite=True)
    with pytest.raises(UserError, match="holds an evaluation already; overwrite=true replaces it"):
        check_output_folder(done, overwrite=False)


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["predictions.csv"], "predictions.csv"),
        (["report.txt", "scores.csv"], "report.txt"),
        ([*VALUES, "thesis.txt"], "thesis.txt"),
        ([*VALUES, "confusion.png"], "confusion.png"),
    ],
)
@pytest.mark.parametrize("overwrite", [True, False])
def test_a_folder_with_something_else_in_it_is_refused(
    tmp_path: Path, names: list[str], told: str, overwrite: bool
) -> None:
    with pytest.raises(UserError, match=rf"holds {told}, and is no folder of one evaluation alone"):
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


def test_what_the_disk_refuses_is_one_line_with_the_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(UserError, match=rf"{tmp_path}/file/new: cannot be written \("):
        write_output_folder(tmp_path / "file" / "new", {"report.txt": "one"})
