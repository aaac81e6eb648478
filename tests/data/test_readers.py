"""A CSV file as a table, with each row's line in the file."""

import gzip
from pathlib import Path

import pytest

from mlplab.data.readers import read_table
from mlplab.errors import UserError


def test_rows_are_numbered_by_their_line_in_the_file(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text('a,b\n1,2\n\n"3\n4",5\n6,7\n')
    table = read_table(tmp_path / "t.csv")
    assert list(table.columns) == ["a", "b"]
    assert table.index.tolist() == [2, 4, 6]
    assert table.b.tolist() == [2, 5, 7]


@pytest.mark.parametrize(
    ("content", "said"),
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
def test_a_broken_file_is_refused_in_one_line_by_name(content: bytes, said: str, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    with pytest.raises(UserError) as mistake:
        read_table(path)
    assert str(mistake.value).startswith(f"{path}: {said}")
    assert "\n" not in str(mistake.value)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="Is a directory"):
        read_table(tmp_path)
    with pytest.raises(UserError, match="no such file"):
        read_table(tmp_path / "nowhere.csv")


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_rows_of_nothing_but_gaps_count_and_white_lines_do_not(tmp_path: Path, line_end: str) -> None:
    lines = ["a,b", "  ", ",", "", "1,2", "\t"]
    (tmp_path / "t.csv").write_bytes(line_end.join(lines).encode())
    table = read_table(tmp_path / "t.csv")
    assert table.index.tolist() == [3, 5]
    assert table.a.isna().tolist() == [True, False]


def test_a_tab_is_written_as_backslash_t(tmp_path: Path) -> None:
    (tmp_path / "t.tsv").write_text("a\tb\n1\t2\n")
    assert read_table(tmp_path / "t.tsv", r"\t").columns.tolist() == ["a", "b"]


def test_a_packed_file_is_read_as_what_is_in_it_and_refused_when_cut_short(tmp_path: Path) -> None:
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
