"""A file is the old one or the new one, never a part."""

import os
from pathlib import Path

import pytest

from mlplab import files


def test_a_written_file_holds_what_was_given_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "scores.json"
    files.write(path, "old")
    files.write(path, b"new")
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_the_old_file_stays_where_the_new_cannot_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "history.csv"
    files.write(path, "old")

    def refuse(*_: object) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(OSError, match="the disk is full"):
        files.write(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_name_is_given_only_once_the_bytes_are_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []
    sync, replace = files.sync, os.replace
    monkeypatch.setattr(files, "sync", lambda path: order.append(f"sync {Path(path).name}") or sync(path))  # type: ignore[func-returns-value]
    monkeypatch.setattr(os, "replace", lambda *paths: order.append("replace") or replace(*paths))  # type: ignore[func-returns-value]
    files.write(tmp_path / "a", "x")
    assert order == ["sync a.tmp", "replace", f"sync {tmp_path.name}"]


def test_a_file_of_the_users_own_is_never_the_one_that_is_written_first(tmp_path: Path) -> None:
    """Nor is that of another that writes the same file at the same time."""
    (tmp_path / "a.csv.tmp").write_text("mine")
    with files.open_atomic(tmp_path / "a.csv") as first, files.open_atomic(tmp_path / "a.csv") as second:
        first.write(b"first")
        second.write(b"second")
    assert (tmp_path / "a.csv").read_text() == "first"
    assert (tmp_path / "a.csv.tmp").read_text() == "mine"
    assert len(list(tmp_path.iterdir())) == 2
