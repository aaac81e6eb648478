"""A download that fails leaves no empty folders behind."""

from pathlib import Path

import pytest

from mlplab.data.readers import remove_empty_folders


def download(root: Path, *made: str) -> None:
    """Begins, and finds no network."""
    with remove_empty_folders(root):
        for name in made:
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("begun") if path.suffix else path.mkdir()
        raise OSError("no network")


def test_what_was_made_and_is_empty_goes_and_all_else_stays(tmp_path: Path) -> None:
    (tmp_path / "root" / "mine").mkdir(parents=True)
    with pytest.raises(OSError, match="no network"):
        download(tmp_path / "root", "MNIST/raw", "half/file.gz")
    assert sorted(path.name for path in (tmp_path / "root").rglob("*")) == ["file.gz", "half", "mine"]


def test_a_root_that_was_not_there_goes_too_with_its_parents(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="no network"):
        download(tmp_path / "a" / "b", "c")
    assert list(tmp_path.iterdir()) == []


def test_what_succeeds_stays_empty_or_not(tmp_path: Path) -> None:
    with remove_empty_folders(tmp_path / "a"):
        (tmp_path / "a").mkdir()
    assert (tmp_path / "a").is_dir()
