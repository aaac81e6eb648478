"""A folder of results is written as a whole, and never over something else."""

from pathlib import Path

import pytest

from mlplab.mistake import Mistake
from mlplab.report.folder import must_be_ours, write_folder


def test_a_folder_is_replaced_as_a_whole(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "test"
    write_folder(folder, {"report.txt": "one", "parity.png": lambda path: path.write_bytes(b"x")})
    write_folder(folder, {"report.txt": "two", "scores.csv": [["score", "value"], ["loss", 0.5]]})
    assert sorted(path.name for path in folder.iterdir()) == ["report.txt", "scores.csv"]
    assert (folder / "scores.csv").read_text() == "score,value\nloss,0.5\n"
    assert list(folder.parent.iterdir()) == [folder]


def test_what_fails_leaves_the_folder_as_it_was(tmp_path: Path) -> None:
    folder = tmp_path / "test"
    write_folder(folder, {"report.txt": "one"})

    def broken(path: Path) -> None:
        raise ValueError("no ink")

    with pytest.raises(ValueError, match="no ink"):
        write_folder(folder, {"report.txt": "two", "parity.png": broken})
    assert (folder / "report.txt").read_text() == "one"
    assert list(tmp_path.iterdir()) == [folder]


def test_a_folder_with_something_else_in_it_is_refused(tmp_path: Path) -> None:
    must_be_ours(tmp_path / "new")
    must_be_ours(tmp_path)
    (tmp_path / "report.txt").write_text("of a measuring before")
    must_be_ours(tmp_path)
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(Mistake, match=r"holds thesis.txt, which evaluate has not written"):
        must_be_ours(tmp_path)
    with pytest.raises(Mistake, match="is a file"):
        must_be_ours(tmp_path / "thesis.txt")
