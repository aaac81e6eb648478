"""CSV and IDX files are read, or refused by name; a failed download leaves no empty folders."""

import contextlib
import gzip
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlplab.data.readers import find_idx, read_idx, read_table, remove_empty_folders
from mlplab.errors import UserError


def test_rows_are_numbered_by_their_line_in_the_file(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text('a,b\n1,2\n\n"3\n4",5\n6,7\n')
    table = read_table(tmp_path / "t.csv")
    assert list(table.columns) == ["a", "b"]
    assert table.index.tolist() == [2, 4, 6]
    assert table.b.tolist() == [2, 5, 7]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b"\n\n", "the file is empty"),
        (b"a,b\n", "no rows below the header"),
        (b"a,b\n1,2\n1,2,3\n", "line 3 has 3 fields, the header 2"),
        (b"a,b\n1,2\n\n3\n", "line 4 has 1 field, the header 2"),
        (b"a,b,a\n1,2,3\n", "two columns are called a"),
        (b"a;b\n1,5;2\n", "one column only, 'a;b': give separator=\"';'\""),
        ("a,b\n1,é\n".encode("latin-1"), "is not UTF-8 text"),
        (b"\x82\xff\x00", "is not UTF-8 text"),
        (b'a,b\n1,2\n"3,4\n', "line 3 has 1 field, the header 2"),
        (b'a,b\n1,2\n3,"4\n', "EOF inside string"),
    ],
)
def test_a_broken_table_is_refused_in_one_line_by_name(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    with pytest.raises(UserError) as error:
        read_table(path)
    assert str(error.value).startswith(f"{path}: {message}")
    assert "\n" not in str(error.value)


def test_a_folder_or_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="Is a directory"):
        read_table(tmp_path)
    with pytest.raises(UserError, match="no such file"):
        read_table(tmp_path / "nowhere.csv")


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_rows_of_empty_cells_are_rows_and_blank_lines_are_not(tmp_path: Path, line_end: str) -> None:
    lines = ["a,b", "  ", ",", "", "1,2", "\t"]
    (tmp_path / "t.csv").write_bytes(line_end.join(lines).encode())
    table = read_table(tmp_path / "t.csv")
    assert table.index.tolist() == [3, 5]
    assert table.a.isna().tolist() == [True, False]


def test_a_tab_is_written_as_backslash_t(tmp_path: Path) -> None:
    (tmp_path / "t.tsv").write_text("a\tb\n1\t2\n")
    assert read_table(tmp_path / "t.tsv", r"\t").columns.tolist() == ["a", "b"]


def test_a_gzip_file_is_read_and_refused_when_it_is_cut_short(tmp_path: Path) -> None:
    path = tmp_path / "t.csv.gz"
    packed = gzip.compress("\ufeffa,b\n1,é\n".encode())
    path.write_bytes(packed)
    assert read_table(path).to_dict("list") == {"a": [1], "b": ["é"]}
    for broken in (packed[:-9], b"a,b\n1,2\n", packed[:12] + b"\xff" * 20):
        path.write_bytes(broken)
        with pytest.raises(UserError, match=r"t\.csv\.gz: "):
            read_table(path)


def test_a_cell_may_be_of_any_length(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(f"a,b\n1,{'x' * 200_000}\n")
    assert len(read_table(tmp_path / "t.csv").b[2]) == 200_000


IMAGES = np.arange(3 * 4 * 5, dtype=np.uint8).reshape(3, 4, 5)
# type 8 (bytes), three dimensions of 3, 4 and 5
WHOLE = bytes([0, 0, 8, 3, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0, 5]) + IMAGES.tobytes()


@pytest.mark.parametrize("name", ["images", "images.gz"])
def test_an_idx_file_gives_its_values(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(gzip.compress(WHOLE) if name.endswith("gz") else WHOLE)
    found = find_idx(tmp_path, "images")
    assert found == tmp_path / name
    assert np.array_equal(read_idx(found, dimensions=3), IMAGES)


def test_a_missing_idx_file_is_not_found(tmp_path: Path) -> None:
    assert find_idx(tmp_path, "images") is None


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (WHOLE[:-1], "is cut short or damaged: 3x4x5 values need 76 bytes, there are 75"),
        (WHOLE + b"x", "is cut short or damaged: 3x4x5 values need 76 bytes, there are 77"),
        (WHOLE[:9], "is cut short or damaged"),
        (b"\0\0\x0d\3" + WHOLE[4:], "starts with 00 00 0d 03, not with the magic number 00 00 08 03"),
        (b"\0\0\x08\1" + WHOLE[4:], "starts with 00 00 08 01"),
        (b"<html>not found</html>", "starts with 3c 68 74 6d"),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_a_broken_idx_file_is_refused_by_name(content: bytes, message: str, packed: bool, tmp_path: Path) -> None:
    path = tmp_path / ("images.gz" if packed else "images")
    path.write_bytes(gzip.compress(content) if packed else content)
    with pytest.raises(UserError) as error:
        read_idx(path, dimensions=3)
    assert str(error.value).startswith(f"{path}: ")
    assert message in str(error.value)


@settings(deadline=None)
@given(st.integers(0, len(gzip.compress(WHOLE, mtime=0)) - 1), st.booleans())
def test_a_damaged_gzip_file_never_gives_other_values(at: int, cut: bool) -> None:
    packed = gzip.compress(WHOLE, mtime=0)
    broken = packed[:at] if cut else packed[:at] + bytes([packed[at] ^ 0xFF]) + packed[at + 1 :]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "broken.gz")
        path.write_bytes(broken)
        with contextlib.suppress(UserError):
            assert np.array_equal(read_idx(path, dimensions=3), IMAGES)  # the damage may be in the time stamp


def test_a_folder_is_not_an_idx_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="Is a directory"):
        read_idx(tmp_path, dimensions=3)


def download(root: Path, *names: str) -> None:
    """Starts, and finds no network."""
    with remove_empty_folders(root):
        for name in names:
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("begun") if path.suffix else path.mkdir()
        raise OSError("no network")


def test_new_empty_folders_are_removed_and_everything_else_is_not(tmp_path: Path) -> None:
    (tmp_path / "root" / "mine").mkdir(parents=True)
    with pytest.raises(OSError, match="no network"):
        download(tmp_path / "root", "MNIST/raw", "half/file.gz")
    assert sorted(path.name for path in (tmp_path / "root").rglob("*")) == ["file.gz", "half", "mine"]


def test_a_new_root_is_removed_with_its_parents(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="no network"):
        download(tmp_path / "a" / "b", "c")
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_removed_without_an_error(tmp_path: Path) -> None:
    with remove_empty_folders(tmp_path / "a"):
        (tmp_path / "a").mkdir()
    assert (tmp_path / "a").is_dir()
