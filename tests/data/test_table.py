"""A CSV file as a table, with each row's line in the file."""

from pathlib import Path

import pytest

from mlplab.data.table import read_table
from mlplab.mistake import Mistake


def test_rows_are_numbered_by_their_line_in_the_file(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text('a,b\n1,2\n\n"3\n4",5\n6,7\n')
    table = read_table(tmp_path / "t.csv")
    assert list(table.columns) == ["a", "b"]
    assert table.index.tolist() == [2, 5, 6]
    assert table.b.tolist() == [2, 5, 7]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "the file is empty"),
        (b"\n\n", "the file is empty"),
        (b"a,b\n", "no rows below the header"),
        (b"a,b\n1,2\n1,2,3\n", "Expected 2 fields in line 3, saw 3"),
        ("a,b\n1,é\n".encode("latin-1"), "is not UTF-8 text"),
        (b"\x82\xff\x00", "is not UTF-8 text"),
        (b'a,b\n1,2\n"3,4\n', "EOF inside string"),
    ],
)
def test_a_broken_file_is_refused_in_one_line_by_name(content: bytes, said: str, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    with pytest.raises(Mistake) as mistake:
        read_table(path)
    assert str(mistake.value).startswith(f"{path}: {said}")
    assert "\n" not in str(mistake.value)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Mistake, match="Is a directory"):
        read_table(tmp_path)
    with pytest.raises(Mistake, match="no such file"):
        read_table(tmp_path / "nowhere.csv")
